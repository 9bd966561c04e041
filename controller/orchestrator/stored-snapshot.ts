import { present } from '@tidemark/shared/base/assert.ts';
import type { PlanIndex } from './plan-index.ts';
import type { IsActive, StoredHost, StoredJob, StoredRun } from './ports.ts';
import type { ActiveRunState, Deadlines, HostSnapshot, JobSnapshot, RunSnapshot, RunState } from './snapshot.ts';

export const isActiveState = (state: RunState): state is ActiveRunState =>
  state === 'running' || state === 'paused' || state === 'stopping';

/** What the decider sees of a stored run. For a run that has ended, as if it were stopping: views read phases from it. */
export function snapshotOf(run: StoredRun, plan: PlanIndex, isActive: IsActive, deadlines: Deadlines): RunSnapshot {
  const clusters = new Map(plan.header.clusters.map(cluster => [cluster.name, cluster.activeWhen]));
  return {
    run: { id: run.id, state: isActiveState(run.state) ? run.state : 'stopping', startedAt: run.startedAt },
    plan,
    hosts: plan.hosts.map(({ planned, jobs }) => {
      const host = present(run.hosts.get(planned.id), `${planned.name} in run ${run.id}`);
      const activeWhen = planned.cluster === null ? undefined : (clusters.get(planned.cluster) ?? undefined);
      return hostSnapshot(host, jobs.length, activeWhen, isActive);
    }),
    waves: plan.header.waves.map(wave => run.waves.get(wave.name) ?? { openedAt: null, endedAt: null }),
    incidents: run.incidents,
    deadlines,
  };
}

function hostSnapshot(
  host: StoredHost,
  length: number,
  activeWhen: string | undefined,
  isActive: IsActive,
): HostSnapshot {
  const jobs: JobSnapshot[] = Array.from({ length }, () => NOT_BEGUN);
  const undo = new Map<number, JobSnapshot>();
  for (const job of host.jobs) {
    if (job.direction === 'undo') undo.set(job.position, jobSnapshot(job));
    else jobs[job.position] = jobSnapshot(job);
  }
  const { frontier, direction, offeredAt, acceptedAt, refusal, startedAt, turnedAt, endedAt } = host;
  return {
    ...{ frontier, direction, offeredAt, acceptedAt, refusal, startedAt, turnedAt, endedAt },
    held: host.heldBecause,
    connected: host.connected,
    lastSeenAt: host.lastSeenAt,
    role: roleOf(host, activeWhen, isActive),
    factsAsked: host.factsAsked,
    jobs,
    undo,
  };
}

export const NOT_BEGUN: JobSnapshot = { state: 'pending', attempt: 0, message: '', startedAt: null, endedAt: null };

const jobSnapshot = ({ state, attempt, message, startedAt, endedAt }: StoredJob): JobSnapshot => ({
  state,
  attempt,
  message,
  startedAt,
  endedAt,
});

function roleOf(host: StoredHost, activeWhen: string | undefined, isActive: IsActive): HostSnapshot['role'] {
  if (activeWhen === undefined || host.facts === null) return null;
  const active = isActive(activeWhen, host.facts.facts);
  return { is: active === null ? null : active ? 'active' : 'standby', observedAt: host.facts.observedAt };
}
