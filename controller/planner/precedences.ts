import type { Job } from '@tidemark/shared/orders/order.ts';
import type { JobRef, PlanHeader } from '@tidemark/shared/orders/plan.ts';
import type { PlannedOrder } from './expand-steps.ts';
import { append } from './fleet-view.ts';
import type { Policy } from './policy.ts';
import type { KnownCluster } from './roles.ts';
import type { Unit } from './units.ts';

export type Precedence = PlanHeader['precedences'][number];

/** What waits for what between hosts: only what the order within each host does not say already. */
export function findPrecedences(policy: Policy, orders: readonly PlannedOrder[]): Precedence[] {
  return [...clusterPrecedences(orders), ...unitPrecedences(policy, orders)];
}

/** Members go in the stages of their cluster. Between stages that follow each other only: they make a chain. */
function clusterPrecedences(orders: readonly PlannedOrder[]): Precedence[] {
  const clusters = new Map<KnownCluster, PlannedOrder[]>();
  for (const planned of orders) {
    const { cluster } = planned.candidate;
    if (cluster) append(clusters, cluster, planned);
  }
  return [...clusters].flatMap(([{ name, rule, sequence }, members]) => {
    const stages = sequence
      .map(stage => members.filter(({ order }) => stage.includes(order.host.name)))
      .filter(stage => stage.length > 0);
    const reason = `cluster ${name}: ${SEQUENCES[rule.order]}`;
    return stages.flatMap((stage, index) =>
      (stages[index + 1] ?? []).flatMap(next =>
        stage.flatMap(first => between(first, first.order.jobs.at(-1), next, next.order.jobs[0], reason)),
      ),
    );
  });
}

const SEQUENCES = {
  'inactive-first': 'the active member goes last',
  'fewest-roles-first': 'who has fewer roles goes first',
  listed: 'its members go as the policy lists them',
} as const;

function unitPrecedences(policy: Policy, orders: readonly PlannedOrder[]): Precedence[] {
  const units = new Map<Unit, PlannedOrder[]>();
  for (const planned of orders) {
    const { unit } = planned.candidate;
    if (unit) append(units, unit, planned);
  }
  return [...units].flatMap(([unit, members]) => {
    const stages = stagesOf(policy, unit, members);
    return stages.flatMap((stage, index) =>
      stages.slice(index + 1).flatMap((next, further) => {
        if (further === 0) return barrier(stage, next);
        if (!stage.starts || !next.starts) return [];
        const inBetween = stages.slice(index + 1, index + 1 + further);
        return barrier(stage, next, host => inBetween.some(({ jobs }) => jobs.has(host)));
      }),
    );
  });
}

/** Jobs that are one phase of a unit: all of them end before any of the next phase begins. */
interface Stage {
  /** What is true once the stage is over. */
  done: string;
  /**
   * Starts a tier. Each waits for every tier below it, not for the next one alone: a database that fails its check after
   * its start and is taken back must keep the web server from starting also where the application server is up already.
   */
  starts?: true;
  holds(job: Job, host: PlannedOrder): boolean;
}

interface FilledStage {
  done: string;
  starts: boolean;
  jobs: ReadonlyMap<PlannedOrder, readonly Job[]>;
}

/** Prepared; stopped tier by tier; changed; started tier by tier, in reverse. Stages without a job are no stages. */
function stagesOf(policy: Policy, unit: Unit, members: readonly PlannedOrder[]): FilledStage[] {
  const tiers = policy.tiers.order.map(tier => tier.name);
  const isService = (kind: 'service/stop' | 'service/start', tier: string): Stage['holds'] => {
    return (job, planned) => {
      if (job.call.kind !== kind) return false;
      const component = planned.candidate.view.components.find(({ name }) => name === job.component);
      return component?.tier === tier && unit.applications.includes(component.application ?? '');
    };
  };
  const firstStop = new Map(
    members.map(planned => [planned, planned.order.jobs.findIndex(job => job.call.kind === 'service/stop')]),
  );
  const stages: Stage[] = [
    {
      done: `all of ${unit.name} is prepared before any of it stops`,
      // Whatever comes before the first stop, so that nothing is stopped where a check or a download fails.
      holds: (job, planned) => planned.order.jobs.indexOf(job) < (firstStop.get(planned) ?? 0),
    },
    ...tiers.map(tier => ({
      done: `${unit.name}: tier ${tier} has stopped before what it uses`,
      holds: isService('service/stop', tier),
    })),
    {
      done: `all of ${unit.name} is changed before any of it starts`,
      holds: job => job.call.kind === 'archive/install',
    },
    ...tiers.toReversed().map(tier => ({
      done: `${unit.name}: tier ${tier} runs before what uses it`,
      starts: true as const,
      holds: isService('service/start', tier),
    })),
  ];
  return stages
    .map(({ done, starts = false, holds }) => ({
      done,
      starts,
      jobs: new Map(
        members.flatMap(planned => {
          const jobs = planned.order.jobs.filter(job => holds(job, planned));
          return jobs.length > 0 ? [[planned, jobs] as const] : [];
        }),
      ),
    }))
    .filter(({ jobs }) => jobs.size > 0);
}

/**
 * From the last job of a stage on each host to the first job of the next one on every other host, but for those that wait
 * for it already, with an earlier job of theirs.
 */
function barrier(
  stage: FilledStage,
  next: FilledStage,
  waitsAlready: (host: PlannedOrder) => boolean = () => false,
): Precedence[] {
  return [...stage.jobs].flatMap(([host, jobs]) =>
    [...next.jobs]
      .filter(([other]) => other !== host && !waitsAlready(other))
      .flatMap(([other, otherJobs]) => between(host, jobs.at(-1), other, otherJobs[0], stage.done)),
  );
}

function between(
  first: PlannedOrder,
  before: Job | undefined,
  second: PlannedOrder,
  after: Job | undefined,
  reason: string,
): Precedence[] {
  if (!before || !after) return [];
  const ref = (planned: PlannedOrder, job: Job): JobRef => ({ host: planned.order.host.name, job: job.id });
  return [{ before: ref(first, before), after: ref(second, after), reason }];
}
