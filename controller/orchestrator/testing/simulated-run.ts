import { present } from '@tidemark/shared/base/assert.ts';
import { indexPlan, type PlanIndex } from '../plan-index.ts';
import { afterReport } from '../reports.ts';
import {
  type Action,
  DEFAULT_DEADLINES,
  type HostSnapshot,
  type JobSnapshot,
  type RunSnapshot,
  type RunState,
  type WaveTimes,
} from '../snapshot.ts';
import type { SamplePlan } from './random-plan.ts';
import type { SimulatedReport } from './simulated-agent.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
export type MutableHost = Mutable<HostSnapshot> & { jobs: JobSnapshot[]; undo: Map<number, JobSnapshot> };

const untouched = (): JobSnapshot => ({
  state: 'pending',
  attempt: 0,
  spent: 0,
  message: '',
  startedAt: null,
  endedAt: null,
});

/** A run's state in memory: what the store does in production, without a store. */
export class SimulatedRun {
  readonly plan: PlanIndex;
  readonly hosts: MutableHost[];
  readonly waves: WaveTimes[];
  readonly incidents = new Map<string, 'open' | 'resolved'>();
  readonly titles: string[] = [];
  readonly startedAt: number;
  state: RunState = 'running';
  reason = '';

  constructor(sample: SamplePlan, startedAt: number) {
    this.plan = indexPlan(`sha256:${'1'.repeat(64)}`, sample.header, sample.orders);
    this.startedAt = startedAt;
    this.hosts = this.plan.hosts.map(host => ({
      frontier: 0,
      direction: 'forward',
      offeredAt: null,
      acceptedAt: null,
      refusal: null,
      held: null,
      connected: true,
      lastSeenAt: startedAt,
      startedAt: null,
      turnedAt: null,
      endedAt: null,
      role: null,
      healthy: null,
      factsAsked: null,
      jobs: host.jobs.map(untouched),
      undo: new Map(),
    }));
    this.waves = this.plan.header.waves.map(() => ({ openedAt: null, endedAt: null }));
  }

  host(index: number): MutableHost {
    return present(this.hosts[index], `host ${index}`);
  }

  get snapshot(): RunSnapshot {
    if (this.state === 'succeeded' || this.state === 'failed' || this.state === 'stopped') {
      throw new Error('an ended run has no snapshot');
    }
    return {
      run: { id: 'r1', state: this.state, startedAt: this.startedAt },
      plan: this.plan,
      hosts: this.hosts,
      waves: this.waves,
      incidents: this.incidents,
      deadlines: DEFAULT_DEADLINES,
    };
  }

  /** Applies an action as the store would. What an agent is told goes through `tell`. */
  apply(action: Action, now: number): void {
    switch (action.action) {
      case 'openWave':
        this.waves[action.wave] = { openedAt: now, endedAt: null };
        return;
      case 'endWave':
        this.waves[action.wave] = { openedAt: this.waves[action.wave]?.openedAt ?? null, endedAt: now };
        return;
      case 'offerOrder':
        this.host(action.host).offeredAt = now;
        return;
      case 'release':
        this.host(action.host).frontier = action.upTo;
        this.host(action.host).startedAt ??= now;
        return;
      case 'undo':
        this.host(action.host).direction = 'undo';
        this.host(action.host).endedAt = null;
        this.host(action.host).turnedAt = now;
        return;
      case 'hold':
        this.host(action.host).held = action.reason;
        return;
      case 'letGo':
        this.host(action.host).held = null;
        return;
      case 'observeFacts':
        this.host(action.host).factsAsked = { first: action.since, last: now };
        return;
      case 'openIncident':
        this.incidents.set(action.key, 'open');
        this.titles.push(action.title);
        return;
      case 'resolveIncident':
        this.incidents.set(action.key, 'resolved');
        return;
      case 'cancel': {
        const host = this.host(action.host);
        host.jobs = host.jobs.map(job =>
          job.state === 'pending' || job.state === 'released'
            ? { ...job, state: action.as, message: action.reason }
            : job,
        );
        return;
      }
      case 'pauseRun':
        this.state = 'paused';
        return;
      case 'stopRun':
        this.state = 'stopping';
        return;
      case 'endRun':
        this.state = action.state;
        this.reason = action.reason;
        return;
    }
  }

  report(index: number, report: SimulatedReport, now: number): void {
    const host = this.host(index);
    host.lastSeenAt = now;
    switch (report.type) {
      case 'accepted':
        host.acceptedAt ??= now;
        return;
      case 'refused':
        host.refusal = 'not-permitted: the server does not allow it';
        return;
      case 'finished':
        if (report.direction === host.direction) host.endedAt = report.at;
        return;
      case 'job': {
        const known = report.direction === 'forward' ? host.jobs[report.position] : host.undo.get(report.position);
        const next = afterReport(known ?? untouched(), report.report);
        if (next === null) return;
        if (report.direction === 'forward') host.jobs[report.position] = next;
        else host.undo.set(report.position, next);
        return;
      }
    }
  }
}
