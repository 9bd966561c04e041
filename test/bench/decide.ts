import { createDecider } from '@tidemark/controller/orchestrator/decide.ts';
import { indexPlan } from '@tidemark/controller/orchestrator/plan-index.ts';
import {
  type Action,
  DEFAULT_DEADLINES,
  type HostSnapshot,
  type JobSnapshot,
  type RunSnapshot,
} from '@tidemark/controller/orchestrator/snapshot.ts';
import { type PlanSpec, planOf, START } from '@tidemark/controller/orchestrator/testing/random-plan.ts';
import { present } from '@tidemark/shared/base/assert.ts';

/** Milliseconds of this thread's processor: what a call takes on a machine that nobody else uses. */
export interface DecideFigures {
  hosts: number;
  jobs: number;
  calls: number;
  p50: number;
  p99: number;
  max: number;
}

const JOBS = 15;
const MAX_PARALLEL = 500;
/** Of a hundred hosts, how many have a job that fails. */
const FAILING = 2;

/** Three tiers of ten thousand hosts in pairs: a limit each, and a precedence from tier to tier. */
function specOf(hosts: number): PlanSpec {
  const jobs = Array.from({ length: JOBS }, (_, at) => ({ id: `job-${at}` }));
  const named = Array.from({ length: hosts }, (_, at) => ({
    name: `host-${at}`,
    wave: at < hosts / 10 ? 'first' : at < hosts / 2 ? 'second' : 'third',
    application: `application-${Math.floor(at / 30)}`,
    cluster: `cluster-${Math.floor(at / 2)}`,
    jobs,
  }));
  const pairs = Array.from({ length: Math.floor(hosts / 2) }, (_, at) => [`host-${at * 2}`, `host-${at * 2 + 1}`]);
  return {
    hosts: named,
    waves: ['first', 'second', 'third'].map((name, at, all) => ({
      name,
      needs: at === 0 ? [] : [all[at - 1] ?? ''],
      maxParallel: MAX_PARALLEL,
      soakMs: 0,
    })),
    limits: pairs.map(members => ({ hosts: members, maxOut: 1 })),
    clusters: pairs.map((_, at) => ({ name: `cluster-${at}`, onFailure: 'continue' as const })),
    precedences: pairs.flatMap(([first, second]) =>
      first && second
        ? [{ before: [first, 'job-14'] as [string, string], after: [second, 'job-3'] as [string, string] }]
        : [],
    ),
    budgets: [
      { scope: 'run', of: null, maxFailed: hosts, maxFailedShare: null, action: 'pause' },
      { scope: 'wave', of: null, maxFailed: hosts, maxFailedShare: null, action: 'pause' },
    ],
    window: { start: START, end: START + 24 * 3_600_000, reserveMs: 0 },
  };
}

/**
 * Plays a run of so many hosts with `decide` alone, as fast as it goes, and measures each call: hosts start, report job by
 * job, some fail and are taken back, until the run ends or `maxCalls` are over.
 */
export function benchDecide(hosts = 10_000, maxCalls = 2_000): DecideFigures {
  const sample = planOf(specOf(hosts));
  const plan = indexPlan(`sha256:${'1'.repeat(64)}`, sample.header, sample.orders);
  const run = new Play(plan, hosts);
  const decide = createDecider();
  const took: number[] = [];
  while (took.length < maxCalls && !run.isOver) {
    const before = process.threadCpuUsage();
    const actions = decide(run.snapshot, run.now);
    const { user, system } = process.threadCpuUsage(before);
    took.push((user + system) / 1_000);
    if (actions.length === 0) run.advance();
    for (const action of actions) run.apply(action);
  }
  // The compiler's first calls are not what a controller that runs for months sees.
  const sorted = took.slice(WARM_UP).toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { hosts, jobs: hosts * JOBS, calls: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}

const WARM_UP = 20;
const NOT_BEGUN: JobSnapshot = { state: 'pending', attempt: 0, spent: 0, message: '', startedAt: null, endedAt: null };

/** Hosts as the store would tell of them: an object is replaced when something changes, and never changed. */
class Play {
  readonly hosts: HostSnapshot[];
  readonly waves: { openedAt: number | null; endedAt: number | null }[];
  readonly incidents = new Map<string, 'open' | 'resolved'>();
  readonly plan: RunSnapshot['plan'];
  now = START;
  isOver = false;

  constructor(plan: RunSnapshot['plan'], hosts: number) {
    this.plan = plan;
    this.waves = plan.header.waves.map(() => ({ openedAt: null, endedAt: null }));
    this.hosts = Array.from({ length: hosts }, () => ({
      ...{ frontier: 0, direction: 'forward', offeredAt: null, acceptedAt: START, refusal: null, held: null },
      ...{ connected: true, lastSeenAt: START, startedAt: null, turnedAt: null, endedAt: null, role: null },
      ...{ healthy: null, factsAsked: null, undo: new Map() },
      jobs: Array.from({ length: JOBS }, () => NOT_BEGUN),
    }));
  }

  get snapshot(): RunSnapshot {
    return {
      run: { id: 'r1', state: 'running', startedAt: START },
      plan: this.plan,
      hosts: this.hosts,
      waves: this.waves,
      incidents: this.incidents,
      deadlines: DEFAULT_DEADLINES,
    };
  }

  /** Ten seconds in which every host at work ends a job. */
  advance(): void {
    this.now += 10_000;
    for (const [index, host] of this.hosts.entries()) {
      if (host.direction === 'undo') {
        if (host.endedAt === null) this.#put(index, { endedAt: this.now });
        continue;
      }
      const position = host.jobs.findIndex(job => job.state === 'pending');
      if (position < 0 || position >= host.frontier) continue;
      const state = position === 7 && index % 100 < FAILING ? 'failed' : 'succeeded';
      const ended: JobSnapshot = { ...NOT_BEGUN, state, attempt: 1, startedAt: this.now, endedAt: this.now };
      this.#put(index, { jobs: host.jobs.with(position, ended), lastSeenAt: this.now });
    }
  }

  apply(action: Action): void {
    switch (action.action) {
      case 'openWave':
        this.waves[action.wave] = { openedAt: this.now, endedAt: null };
        break;
      case 'endWave':
        this.waves[action.wave] = { openedAt: this.waves[action.wave]?.openedAt ?? null, endedAt: this.now };
        break;
      case 'offerOrder':
        this.#put(action.host, { offeredAt: this.now });
        break;
      case 'release':
        this.#put(action.host, { frontier: action.upTo, startedAt: this.now });
        break;
      case 'undo':
        this.#put(action.host, { direction: 'undo', turnedAt: this.now });
        break;
      case 'hold':
        this.#put(action.host, { held: action.reason });
        break;
      case 'openIncident':
        this.incidents.set(action.key, 'open');
        break;
      case 'endRun':
        this.isOver = true;
        break;
      default:
        break;
    }
  }

  #put(index: number, change: Partial<HostSnapshot>): void {
    this.hosts[index] = { ...present(this.hosts[index], `host ${index}`), ...change };
  }
}

/* As a program: prints the figures. */
if (import.meta.main) {
  const { hosts, jobs, calls, p50, p99, max } = benchDecide(Number(process.argv[2] ?? 10_000));
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  console.log(
    `decide, ${hosts} hosts x ${jobs / hosts} jobs, ${calls} calls: p50 ${ms(p50)}, p99 ${ms(p99)}, max ${ms(max)}`,
  );
}
