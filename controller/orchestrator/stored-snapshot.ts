import { present } from '@tidemark/shared/base/assert.ts';
import type { IndexedHost, PlanIndex } from './plan-index.ts';
import type { IsTrue, StoredHost, StoredJob, StoredRun, StoredRunHead } from './ports.ts';
import type { ActiveRunState, Deadlines, HostSnapshot, JobSnapshot, RunSnapshot, RunState } from './snapshot.ts';

export const isActiveState = (state: RunState): state is ActiveRunState =>
  state === 'running' || state === 'paused' || state === 'stopping' || state === 'undoing';

/** What the decider sees of a stored run. For a run that has ended, as if it were stopping: views read phases from it. */
export function snapshotOf(run: StoredRun, plan: PlanIndex, isTrue: IsTrue, deadlines: Deadlines): RunSnapshot {
  const hosts = plan.hosts.map(planned => {
    const host = present(run.hosts.get(planned.planned.id), `${planned.planned.name} in run ${run.id}`);
    return hostSnapshot(host, planned, plan, isTrue);
  });
  return runSnapshot(run, plan, hosts, deadlines);
}

export function runSnapshot(
  run: StoredRunHead,
  plan: PlanIndex,
  hosts: readonly HostSnapshot[],
  deadlines: Deadlines,
): RunSnapshot {
  return {
    run: { id: run.id, state: isActiveState(run.state) ? run.state : 'stopping', startedAt: run.startedAt },
    plan,
    hosts,
    waves: plan.header.waves.map(wave => run.waves.get(wave.name) ?? { openedAt: null, endedAt: null }),
    incidents: run.incidents,
    deadlines,
  };
}

/** One host as the decider sees it; jobs that have not begun share one object. */
export function hostSnapshot(
  host: StoredHost,
  { planned, jobs: { length } }: IndexedHost,
  plan: PlanIndex,
  isTrue: IsTrue,
): HostSnapshot {
  const jobs = new Array<JobSnapshot>(length).fill(NOT_BEGUN);
  const undo = new Map<number, JobSnapshot>();
  for (const job of host.jobs) {
    if (job.direction === 'undo') undo.set(job.position, jobSnapshot(job));
    else if (job.state !== 'pending' || job.attempt > 0) jobs[job.position] = jobSnapshot(job);
  }
  const cluster = planned.cluster === null ? undefined : plan.clusters.get(planned.cluster);
  const { frontier, direction, offeredAt, acceptedAt, refusal, startedAt, turnedAt, endedAt } = host;
  return {
    ...{ frontier, direction, offeredAt, acceptedAt, refusal, startedAt, turnedAt, endedAt },
    held: host.heldBecause,
    connected: host.connected,
    lastSeenAt: host.lastSeenAt,
    role: roleOf(host, cluster?.planned.activeWhen ?? null, isTrue),
    healthy: healthOf(host, cluster?.planned.healthyWhen ?? null, isTrue),
    factsAsked: host.factsAsked,
    jobs,
    undo,
  };
}

export const NOT_BEGUN: JobSnapshot = {
  state: 'pending',
  attempt: 0,
  spent: 0,
  message: '',
  startedAt: null,
  endedAt: null,
};

const jobSnapshot = ({ state, attempt, spent, message, startedAt, endedAt }: StoredJob): JobSnapshot => ({
  state,
  attempt,
  spent,
  message,
  startedAt,
  endedAt,
});

function roleOf(host: StoredHost, activeWhen: string | null, isTrue: IsTrue): HostSnapshot['role'] {
  if (activeWhen === null || host.facts === null) return null;
  const active = isTrue(activeWhen, host.facts.facts);
  return { is: active === null ? null : active ? 'active' : 'standby', observedAt: host.facts.observedAt };
}

function healthOf(host: StoredHost, healthyWhen: string | null, isTrue: IsTrue): HostSnapshot['healthy'] {
  if (healthyWhen === null || host.facts === null) return null;
  return { is: isTrue(healthyWhen, host.facts.facts), observedAt: host.facts.observedAt };
}
