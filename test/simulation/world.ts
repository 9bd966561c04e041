import type { PlannerLandscape } from '@tidemark/controller/planner/input.ts';
import type { Policy } from '@tidemark/controller/planner/policy.ts';
import { present } from '@tidemark/shared/base/assert.ts';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import { runnable, type Standing } from '@tidemark/shared/orders/frontier.ts';
import type { Direction } from '@tidemark/shared/orders/job-state.ts';
import type { Order } from '@tidemark/shared/orders/order.ts';
import type { Plan, PlannedHost } from '@tidemark/shared/orders/plan.ts';
import type { SimulatedHost } from './host.ts';

/** What really happened to one server: by its own account and by nobody else's. */
export interface HostTruth {
  host: SimulatedHost;
  planned: PlannedHost;
  order: Order;
  digest: Digest;
  /** Begun forwards, as often as it was, by position. */
  starts: number[];
  /** Ended well, by position; emptied again by its undo. */
  passed: Set<number>;
  /** Failed for good, and the order says to go on after them. */
  wentOnAfter: Set<number>;
  firstStartAt: number | null;
  /** Positions of the components' stops and starts that were done last: `true` where the component is down. */
  down: Map<string, boolean>;
}

export interface Started {
  truth: HostTruth;
  position: number;
  direction: Direction;
  attempt: number;
}

/** All servers of a night, as they are. */
export class World {
  readonly plan: Plan;
  readonly landscape: PlannerLandscape;
  /** From the top: each tier uses those after it. */
  readonly tiers: Policy['tiers']['order'];
  readonly hosts: readonly HostTruth[];
  readonly byName: ReadonlyMap<string, HostTruth>;
  readonly byUnit: ReadonlyMap<string, readonly HostTruth[]>;
  readonly byCluster: ReadonlyMap<string | null, readonly HostTruth[]>;

  constructor(
    plan: Plan,
    { landscape, tiers }: { landscape: PlannerLandscape; tiers: Policy['tiers'] },
    hosts: ReadonlyMap<string, SimulatedHost>,
  ) {
    this.plan = plan;
    this.landscape = landscape;
    this.tiers = tiers.order;
    const orders = new Map(plan.orders.map(planned => [planned.order.host.name, planned]));
    this.hosts = plan.header.hosts.map(planned => {
      const { order, digest } = present(orders.get(planned.name), planned.name);
      return {
        ...{ planned, order, digest, firstStartAt: null },
        host: present(hosts.get(planned.name), planned.name),
        starts: order.jobs.map(() => 0),
        passed: new Set<number>(),
        wentOnAfter: new Set<number>(),
        down: new Map<string, boolean>(),
      };
    });
    this.byName = new Map(this.hosts.map(truth => [truth.planned.name, truth]));
    this.byUnit = Map.groupBy(this.hosts, ({ planned }) => planned.unit);
    this.byCluster = Map.groupBy(this.hosts, ({ planned }) => planned.cluster);
  }

  /** Notes that a step began; what is judged about it has to be asked before. */
  noteStart({ truth, position, direction }: Started, now: number): void {
    if (direction === 'undo') return;
    truth.starts[position] = (truth.starts[position] ?? 0) + 1;
    truth.firstStartAt ??= now;
    const job = truth.order.jobs[position];
    if (job?.call.kind === 'service/stop' && job.component) truth.down.set(job.component, true);
  }

  noteEnd(truth: HostTruth, position: number, direction: Direction, outcome: string): void {
    const job = truth.order.jobs[position];
    const isLast = job !== undefined && (truth.starts[position] ?? 0) > job.retries.max;
    if (outcome === 'failed' && direction === 'forward' && isLast && job.onFailure === 'continue')
      truth.wentOnAfter.add(position);
    if (outcome !== 'succeeded') return;
    if (direction === 'undo') truth.passed.delete(position);
    else truth.passed.add(position);
    const kind = direction === 'undo' ? job?.undo?.kind : job?.call.kind;
    if (kind === 'service/start' && job?.component) truth.down.set(job.component, false);
  }

  standingOf(truth: HostTruth): Standing | null {
    return truth.host.standingOf(truth.digest);
  }
}

export const isPatched = (world: World, truth: HostTruth): boolean => world.standingOf(truth)?.state === 'finished';
export const isTakenBack = (world: World, truth: HostTruth): boolean => world.standingOf(truth)?.state === 'undone';
export const hasBegun = (truth: HostTruth): boolean => truth.firstStartAt !== null;

/** Begun and not ended well. One that was taken back counts too: whatever failed there may fail on its peers. */
export const isOut = (world: World, truth: HostTruth): boolean => hasBegun(truth) && !isPatched(world, truth);

/** Work is going on there, forwards: a step runs, or the next one may. */
export function isAtWork(world: World, truth: HostTruth): boolean {
  const standing = world.standingOf(truth);
  if (!hasBegun(truth) || !standing) return false;
  return standing.state === 'running' || (standing.state === 'idle' && standing.position < standing.frontier);
}

/** It comes to its end, or to a hold point, by itself: it is there or boots, and has something to do. */
export function finishesYet(world: World, truth: HostTruth): boolean {
  const standing = world.standingOf(truth);
  if (standing === null || (truth.host.fate.diesAt !== null && !truth.host.isUp)) return false;
  return standing.state === 'running' || standing.state === 'undo-running' || runnable(standing) !== null;
}

/** Serves nobody: a component of it is stopped, or the machine is away. */
export const isDown = (truth: HostTruth): boolean => !truth.host.isUp || [...truth.down.values()].includes(true);

/** From the first of these on a server is not what it was. */
export const TOUCHES: ReadonlySet<string> = new Set([
  'batch/hold',
  'cluster/handover',
  'service/stop',
  'package/upgrade',
  'archive/install',
  'system/reboot',
]);

export const isTouched = (truth: HostTruth): boolean =>
  truth.order.jobs.some((job, position) => TOUCHES.has(job.call.kind) && (truth.starts[position] ?? 0) > 0);
