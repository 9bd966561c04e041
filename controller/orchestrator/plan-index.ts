import { p90Of } from '@tidemark/shared/orders/expected.ts';
import type { OnFailure, Order } from '@tidemark/shared/orders/order.ts';
import type { PlanHeader, PlannedHost } from '@tidemark/shared/orders/plan.ts';
import { leavesInService, type StepKind } from '@tidemark/shared/orders/step-kinds.ts';
import { inTurn } from './turns.ts';

/*
 * A plan as the decider reads it: immutable, made once a plan, so that a tick over thousands of hosts looks up and
 * never searches. Hosts, units and jobs are numbered; a number stands for the same host for the whole run.
 */

/** What the decider needs of a job; what it does is the agent's affair. */
export interface PlannedJob {
  id: string;
  step: string;
  /** Of what it does: `package/upgrade`. */
  kind: StepKind;
  name: string;
  component: string | null;
  expectedMs: number;
  /** Nine times of ten it takes no longer. */
  p90Ms: number;
  timeoutMs: number;
  /** The server goes away and comes back. */
  reboots: boolean;
  /** Tries in all. */
  attempts: number;
  backoffMs: number;
  onFailure: OnFailure;
}

/** A job of another host that must have ended well first. */
export interface Hold {
  host: number;
  position: number;
  reason: string;
}

export interface IndexedHost {
  index: number;
  planned: PlannedHost;
  unit: number;
  wave: number;
  jobs: readonly PlannedJob[];
  /** By position: what has to be done elsewhere before the job there is released. */
  holds: ReadonlyMap<number, readonly Hold[]>;
  /** Of members of clusters: position of the first job that takes something out of service, where others come before it. */
  touchesAt: number | null;
  /** Numbers of the limits that it counts in. */
  limits: readonly number[];
  expectedMs: number;
}

export interface IndexedCluster {
  planned: PlanHeader['clusters'][number];
  /** By number. */
  members: readonly number[];
}

export interface Unit {
  index: number;
  name: string;
  hosts: readonly number[];
  /** Of its longest chain, hold points inside of the unit included. */
  expectedMs: number;
  /** The same, by what its jobs take nine times of ten: as long must be left for it to begin. */
  p90Ms: number;
}

export interface PlanIndex {
  digest: string;
  header: PlanHeader;
  hosts: readonly IndexedHost[];
  units: readonly Unit[];
  /** By number of the wave, in the order of the header. */
  waves: readonly { hosts: readonly number[]; needs: readonly number[] }[];
  /** Members by number, as in header.limits. */
  limits: readonly (readonly number[])[];
  /** Of limits that hold over all runs. */
  limitKeys: readonly string[];
  clusters: ReadonlyMap<string, IndexedCluster>;
  /** Units as they take their turn: the more important first, then those on the longest path, see turns.ts. */
  unitsInTurn: readonly Unit[];
  /** Of the unit that takes longest, nine times of ten. */
  longestUnitMs: number;
  /** By number of the budget and name of what it is about: how many hosts that has. */
  scopeSizes: readonly ReadonlyMap<string, number>[];
  byId: ReadonlyMap<string, number>;
  byName: ReadonlyMap<string, number>;
}

/** Orders go by host id; header and orders have been checked against each other when the plan was opened. */
export function indexPlan(digest: string, header: PlanHeader, orders: readonly Order[]): PlanIndex {
  const byName = new Map(header.hosts.map((host, index) => [host.name, index]));
  const byId = new Map(header.hosts.map((host, index) => [host.id, index]));
  const ordersById = new Map(orders.map(order => [order.host.id, order]));
  const waveNumbers = new Map(header.waves.map((wave, index) => [wave.name, index]));
  const jobs = header.hosts.map(host => (ordersById.get(host.id)?.jobs ?? []).map(planned));
  const holds = indexHolds(header, byName, jobs);
  const limits = header.limits.map(limit => numbersOf(limit.hosts, byName));
  const limitsOf: number[][] = header.hosts.map(() => []);
  for (const [number, members] of limits.entries()) for (const host of members) limitsOf[host]?.push(number);
  const units = indexUnits(header, jobs, holds);
  const unitOf = new Map(units.flatMap(unit => unit.hosts.map(host => [host, unit.index] as const)));
  const hosts = header.hosts.map((host, index) => ({
    index,
    planned: host,
    unit: unitOf.get(index) ?? 0,
    wave: waveNumbers.get(host.wave) ?? -1,
    jobs: jobs[index] ?? [],
    holds: holds[index] ?? new Map(),
    touchesAt: touchOf(host, jobs[index] ?? [], header),
    limits: limitsOf[index] ?? [],
    expectedMs: (jobs[index] ?? []).reduce((sum, job) => sum + job.expectedMs, 0),
  }));
  const waves = header.waves.map((wave, number) => ({
    hosts: hosts.filter(host => host.wave === number).map(host => host.index),
    needs: wave.needs.flatMap(name => waveNumbers.get(name) ?? []),
  }));
  const clusters = new Map(
    header.clusters.map(cluster => [cluster.name, { planned: cluster, members: numbersOf(cluster.members, byName) }]),
  );
  const scopeSizes = header.budgets.map(budget => sizesOf(budget, header));
  const unitsInTurn = inTurn({ units, hosts, limits, header });
  const longestUnitMs = units.reduce((most, unit) => Math.max(most, unit.p90Ms), 0);
  const limitKeys = [...new Set(header.limits.flatMap(({ key }) => (key === null ? [] : [key])))];
  const together = { units, waves, limits, limitKeys, clusters };
  return { digest, header, hosts, ...together, unitsInTurn, longestUnitMs, scopeSizes, byId, byName };
}

const planned = (job: Order['jobs'][number]): PlannedJob => ({
  id: job.id,
  step: job.step,
  kind: job.call.kind,
  name: job.name,
  component: job.component,
  expectedMs: job.expectedMs,
  p90Ms: p90Of(job),
  timeoutMs: job.timeoutMs,
  reboots: job.call.kind === 'system/reboot',
  attempts: job.retries.max + 1,
  backoffMs: job.retries.backoffMs,
  onFailure: job.onFailure,
});

function touchOf({ cluster }: PlannedHost, jobs: readonly PlannedJob[], { clusters }: PlanHeader): number | null {
  const members = clusters.find(({ name }) => name === cluster)?.members.length ?? 0;
  const first = jobs.findIndex(({ kind }) => !leavesInService(kind));
  return members > 1 && first > 0 ? first : null;
}

/** Name of the wave, cluster or application that a host counts in for a budget; null where it does not. */
export function scopeOf({ scope, of }: PlanHeader['budgets'][number], planned: PlannedHost): string | null {
  const { wave, cluster, application } = planned;
  const name = { wave, cluster, application, run: '' }[scope];
  return name === null || (of !== null && of !== name) ? null : name;
}

function sizesOf(budget: PlanHeader['budgets'][number], { hosts }: PlanHeader): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const host of hosts) {
    const name = scopeOf(budget, host);
    if (name !== null) sizes.set(name, (sizes.get(name) ?? 0) + 1);
  }
  return sizes;
}

const numbersOf = (names: readonly string[], byName: ReadonlyMap<string, number>): number[] =>
  names.flatMap(name => byName.get(name) ?? []);

/** A job's own order keeps what lies before it on the same host, so only other hosts are hold points. */
function indexHolds(
  header: PlanHeader,
  byName: ReadonlyMap<string, number>,
  jobs: readonly (readonly PlannedJob[])[],
): Map<number, Hold[]>[] {
  const holds: Map<number, Hold[]>[] = header.hosts.map(() => new Map());
  const positions = jobs.map(list => new Map(list.map((job, position) => [job.id, position])));
  for (const { before, after, reason } of header.precedences) {
    const from = byName.get(before.host);
    const to = byName.get(after.host);
    if (from === undefined || to === undefined || from === to) continue;
    const position = positions[from]?.get(before.job);
    const held = positions[to]?.get(after.job);
    if (position === undefined || held === undefined) continue;
    const at = holds[to]?.get(held) ?? [];
    at.push({ host: from, position, reason });
    holds[to]?.set(held, at);
  }
  return holds;
}

function indexUnits(
  header: PlanHeader,
  jobs: readonly (readonly PlannedJob[])[],
  holds: readonly ReadonlyMap<number, readonly Hold[]>[],
): Unit[] {
  const members = new Map<string, number[]>();
  header.hosts.forEach((host, index) => {
    const unit = members.get(host.unit) ?? [];
    unit.push(index);
    members.set(host.unit, unit);
  });
  return [...members].map(([name, hosts], index) => ({
    index,
    name,
    hosts,
    expectedMs: longestChain(hosts, jobs, holds, 'expectedMs'),
    p90Ms: longestChain(hosts, jobs, holds, 'p90Ms'),
  }));
}

/** When the last job of these hosts ends if all start together and wait for each other where the plan says so. */
function longestChain(
  hosts: readonly number[],
  jobs: readonly (readonly PlannedJob[])[],
  holds: readonly ReadonlyMap<number, readonly Hold[]>[],
  time: 'expectedMs' | 'p90Ms',
): number {
  const inside = new Set(hosts);
  const ends = new Map<string, number>();
  // A cycle cannot run and is no plan; here it only must not hang.
  const visiting = new Set<string>();
  const endOf = (host: number, position: number): number => {
    if (position < 0) return 0;
    const key = `${host}:${position}`;
    const known = ends.get(key);
    if (known !== undefined) return known;
    if (visiting.has(key)) return 0;
    visiting.add(key);
    let start = endOf(host, position - 1);
    for (const hold of holds[host]?.get(position) ?? []) {
      if (inside.has(hold.host)) start = Math.max(start, endOf(hold.host, hold.position));
    }
    const end = start + (jobs[host]?.[position]?.[time] ?? 0);
    ends.set(key, end);
    return end;
  };
  return Math.max(0, ...hosts.map(host => endOf(host, (jobs[host]?.length ?? 0) - 1)));
}
