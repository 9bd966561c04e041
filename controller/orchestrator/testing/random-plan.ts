import { createHash } from 'node:crypto';
import type { Job, OnFailure, Order } from '@tidemark/shared/orders/order.ts';
import { PlanHeader, type WrittenPlanHeader } from '@tidemark/shared/orders/plan.ts';
import fc from 'fast-check';

/** A plan as the planner could have made it. */
export interface SamplePlan {
  header: PlanHeader;
  orders: Order[];
}

export const START = 1_800_000_000_000;
export const HOUR = 3_600_000;

export interface JobSpec {
  id: string;
  onFailure?: OnFailure;
  retries?: number;
  expectedMs?: number;
  p90Ms?: number;
  reboots?: true;
  /** Leaves in service what is. */
  prepares?: true;
}

export interface HostSpec {
  name: string;
  wave?: string;
  unit?: string;
  application?: string;
  cluster?: string;
  role?: 'active' | 'standby';
  jobs: JobSpec[];
}

export interface PlanSpec {
  hosts: HostSpec[];
  waves?: WrittenPlanHeader['waves'];
  precedences?: { before: [string, string]; after: [string, string] }[];
  limits?: { hosts: string[]; maxOut: number; key?: string }[];
  clusters?: { name: string; onFailure: 'hold-cluster' | 'continue'; healthyWhen?: string }[];
  budgets?: WrittenPlanHeader['budgets'];
  window?: { start: number; end: number; reserveMs: number };
}

export const idOf = (name: string): string => {
  const hex = createHash('sha256').update(name).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};

const DIGEST = `sha256:${'0'.repeat(64)}` as const;

/** Fills in what a test does not care about. */
export function planOf(spec: PlanSpec): SamplePlan {
  const waves = spec.waves ?? [{ name: 'all', needs: [], maxParallel: 100, soakMs: 0 }];
  const window = spec.window ?? { start: START, end: START + HOUR, reserveMs: 0 };
  const header: WrittenPlanHeader = {
    format: 'tidemark/plan/v1',
    name: 'sample',
    fleet: 'test',
    author: 'anna',
    compiledAt: START,
    policy: { name: 'sample', owner: 'team', digest: DIGEST },
    landscapeVersion: 1,
    bundle: { name: 'sample', digest: DIGEST },
    window: { ...window, timezone: 'UTC' },
    hosts: spec.hosts.map(host => ({
      id: idOf(host.name),
      name: host.name,
      application: host.application ?? 'orders',
      tiers: [],
      cluster: host.cluster ?? null,
      clusterRole: host.role ?? null,
      wave: host.wave ?? waves[0]?.name ?? 'all',
      unit: host.unit ?? host.name,
      changes: [],
    })),
    waves,
    precedences: (spec.precedences ?? []).map(({ before, after }) => ({
      before: { host: before[0], job: before[1] },
      after: { host: after[0], job: after[1] },
      reason: `${before[1]} on ${before[0]} comes before`,
    })),
    limits: (spec.limits ?? []).map((limit, index) => ({ name: `limit-${index}`, ...limit, reason: 'a test' })),
    clusters: (spec.clusters ?? []).map(cluster => ({
      ...cluster,
      members: spec.hosts.filter(host => host.cluster === cluster.name).map(host => host.name),
      activeWhen: 'facts.active',
    })),
    budgets: spec.budgets ?? [],
    approvals: [],
    excluded: [],
  };
  const orders = spec.hosts
    .map(host => ({
      format: 'tidemark/order/v1' as const,
      fleet: 'test',
      host: { id: idOf(host.name), name: host.name },
      plan: { name: 'sample', compiledAt: START },
      jobs: host.jobs.map(job => jobOf(host.name, job, window)),
    }))
    .sort((a, b) => (a.host.id < b.host.id ? -1 : 1));
  return { header: PlanHeader.parse(header), orders };
}

function callOf({ reboots, prepares }: JobSpec): Job['call'] {
  if (reboots) return { kind: 'system/reboot', args: { when: 'always', maxReboots: 1, downMs: 60_000 } };
  if (prepares) return { kind: 'snapshot/prune', args: {} };
  return { kind: 'command/run', args: { command: ['/bin/true'], expectStatus: [0] } };
}

function jobOf(host: string, spec: JobSpec, window: { start: number; end: number }): Job {
  return {
    id: spec.id,
    step: spec.id.split(':')[0] ?? spec.id,
    name: `${spec.id} on ${host}`,
    component: null,
    reason: 'a test',
    call: callOf(spec),
    undo: null,
    timeoutMs: 120_000,
    expectedMs: spec.expectedMs ?? 30_000,
    ...(spec.p90Ms !== undefined && { p90Ms: spec.p90Ms }),
    retries: { max: spec.retries ?? 0, backoffMs: 0 },
    onFailure: spec.onFailure ?? 'undo-host',
    notBefore: window.start,
    notAfter: window.end,
  };
}

const onFailure = fc.constantFrom<OnFailure>('undo-host', 'undo-host', 'hold', 'skip-host', 'continue');
const STEPS = ['prepare', 'stop', 'patch', 'start', 'verify'];

const jobs = fc
  .array(fc.record({ onFailure, retries: fc.integer({ min: 0, max: 1 }) }), { minLength: 5, maxLength: 5 })
  .map(options =>
    options.map((option, index) => ({
      id: STEPS[index] ?? 'step',
      ...option,
      ...(index === 0 ? { prepares: true as const } : {}),
    })),
  );

interface Group {
  hosts: HostSpec[];
  precedences: { before: [string, string]; after: [string, string] }[];
  limits: { hosts: string[]; maxOut: number }[];
  clusters: { name: string; onFailure: 'hold-cluster' | 'continue' }[];
}

/** Hosts that roll, a few out at once. */
const rolling = (waves: readonly string[]): fc.Arbitrary<(name: string) => Group> =>
  fc
    .record({
      jobs: fc.array(jobs, { minLength: 1, maxLength: 4 }),
      wave: fc.constantFrom(...waves),
      maxOut: fc.integer({ min: 1, max: 3 }),
    })
    .map(({ jobs: lists, wave, maxOut }) => (name: string) => {
      const hosts = lists.map((list, index) => ({ name: `${name}${index}`, wave, application: name, jobs: list }));
      return { hosts, precedences: [], limits: [{ hosts: hosts.map(host => host.name), maxOut }], clusters: [] };
    });

/** Two that stop and start across both. */
const spanning = (waves: readonly string[]): fc.Arbitrary<(name: string) => Group> =>
  fc.record({ a: jobs, b: jobs, wave: fc.constantFrom(...waves) }).map(({ a, b, wave }) => (name: string) => {
    const front = `${name}0`;
    const back = `${name}1`;
    return {
      hosts: [
        { name: front, wave, unit: name, application: name, jobs: a },
        { name: back, wave, unit: name, application: name, jobs: b },
      ],
      precedences: [
        { before: [front, 'stop'], after: [back, 'stop'] },
        { before: [back, 'start'], after: [front, 'start'] },
      ],
      limits: [],
      clusters: [],
    };
  });

/** A pair of which one member always serves. */
const pair = (waves: readonly string[]): fc.Arbitrary<(name: string) => Group> =>
  fc
    .record({
      a: jobs,
      b: jobs,
      order: fc.constantFrom([0, 0], [0, waves.length - 1]),
      onFailure: fc.constantFrom('hold-cluster' as const, 'continue' as const),
    })
    .map(({ a, b, order, onFailure: reaction }) => (name: string) => {
      const standby = `${name}-s`;
      const active = `${name}-a`;
      const waveOf = (index: number | undefined): string => waves[index ?? 0] ?? '';
      return {
        hosts: [
          // The active one is listed first: only the rules may bring the standby before it.
          { name: active, wave: waveOf(order[1]), application: name, cluster: name, role: 'active' as const, jobs: b },
          {
            name: standby,
            wave: waveOf(order[0]),
            application: name,
            cluster: name,
            role: 'standby' as const,
            jobs: a,
          },
        ],
        precedences: [{ before: [standby, 'verify'], after: [active, 'stop'] }],
        limits: [{ hosts: [standby, active], maxOut: 1 }],
        clusters: [{ name, onFailure: reaction }],
      };
    });

const budget = (waves: readonly string[]): fc.Arbitrary<WrittenPlanHeader['budgets'][number]> =>
  fc
    .record({
      scope: fc.constantFrom('wave' as const, 'run' as const, 'application' as const, 'cluster' as const),
      of: fc.constant(null),
      maxFailed: fc.option(fc.integer({ min: 0, max: 2 })),
      maxFailedShare: fc.option(fc.constantFrom(0, 0.25, 0.5)),
      action: fc.constantFrom('pause' as const, 'stop' as const),
    })
    .map(value => (value.scope === 'wave' ? { ...value, of: waves[0] ?? null } : value));

/** Random plans: rolling tiers, applications that cannot roll and pairs, in one to three waves. */
export const anyPlan: fc.Arbitrary<SamplePlan> = fc.integer({ min: 1, max: 3 }).chain(count => {
  const names = Array.from({ length: count }, (_, index) => `w${index}`);
  return fc
    .record({
      parallel: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: count, maxLength: count }),
      soak: fc.array(fc.constantFrom(0, 60_000), { minLength: count, maxLength: count }),
      groups: fc.array(fc.oneof(rolling(names), spanning(names), pair(names)), { minLength: 1, maxLength: 4 }),
      budgets: fc.array(budget(names), { maxLength: 2 }),
      reserveMs: fc.constantFrom(0, 600_000),
    })
    .map(({ parallel, soak, groups, budgets, reserveMs }) => {
      const made = groups.map((group, index) => group(`g${index}`));
      return planOf({
        hosts: made.flatMap(group => group.hosts),
        waves: names.map((name, index) => ({
          name,
          needs: index > 0 ? [`w${index - 1}`] : [],
          maxParallel: parallel[index] ?? 1,
          soakMs: soak[index] ?? 0,
        })),
        precedences: made.flatMap(group => group.precedences),
        limits: made.flatMap(group => group.limits),
        clusters: made.flatMap(group => group.clusters),
        budgets,
        window: { start: START, end: START + HOUR, reserveMs },
      });
    });
});
