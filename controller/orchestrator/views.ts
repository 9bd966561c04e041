import type { KnownPlan } from './known-plans.ts';
import { awaitsPerson, countsAsFailed, firstHold, type HostPicture, type Picture, pictureOf } from './picture.ts';
import type { IsTrue, StoredHost, StoredJob, StoredRun } from './ports.ts';
import type { Deadlines, RunSnapshot } from './snapshot.ts';
import { startActions, type Waits } from './starts.ts';
import { isActiveState, snapshotOf } from './stored-snapshot.ts';
import { touchWait } from './touching.ts';
import { whyShut } from './waves.ts';

export type HostRunState =
  | 'waiting'
  | 'running'
  | 'holding'
  | 'held'
  | 'undoing'
  | 'succeeded'
  | 'failed'
  | 'undone'
  | 'skipped'
  | 'refused';

/** A run as people look at it: hosts x jobs, what each waits for, and when it is expected to end. */
export function viewOf(
  run: StoredRun,
  { index: plan }: KnownPlan,
  isTrue: IsTrue,
  deadlines: Deadlines,
  now: number,
  gates?: RunSnapshot['gates'],
) {
  const picture = pictureOf(
    { ...snapshotOf(run, plan, isTrue, deadlines), ...(gates && { gates }) },
    run.endedAt ?? now,
  );
  const { waits } = startActions(picture);
  const ended = !isActiveState(run.state);
  const hosts = picture.hosts.map(host => hostView(picture, host, run, waits, ended, now));
  const ends = hosts.flatMap(host => host.expectedEndAt ?? []);
  return {
    id: run.id,
    plan: run.plan,
    name: plan.header.name,
    state: run.state,
    reason: run.reason,
    startedBy: run.startedBy,
    startedAt: run.startedAt,
    endedAt: run.endedAt,
    window: { start: plan.header.window.start, end: plan.header.window.end },
    expectedEndAt: ended || ends.length === 0 ? null : Math.max(...ends),
    waves: plan.header.waves.map(({ name }, wave) => waveView(picture, name, wave)),
    hosts,
    openIncidents: [...run.incidents.values()].filter(state => state === 'open').length,
    asOf: now,
  };
}

function waveView(picture: Picture, name: string, wave: number) {
  const times = picture.snapshot.waves[wave];
  const openedAt = times?.openedAt ?? null;
  const endedAt = times?.endedAt ?? null;
  const soakMs = picture.snapshot.plan.header.waves[wave]?.soakMs ?? 0;
  const isNeeded = picture.snapshot.plan.waves.some(({ needs }) => needs.includes(wave));
  const state: 'waiting' | 'open' | 'soaking' | 'ended' =
    endedAt !== null
      ? isNeeded && openedAt !== null && picture.now < endedAt + soakMs
        ? 'soaking'
        : 'ended'
      : openedAt !== null
        ? 'open'
        : 'waiting';
  return { name, state, openedAt, endedAt };
}

function hostView(picture: Picture, host: HostPicture, run: StoredRun, waits: Waits, ended: boolean, now: number) {
  const { planned } = host.plan;
  const stored = run.hosts.get(planned.id);
  return {
    host: planned.name,
    hostId: planned.id,
    wave: planned.wave,
    state: stateOf(host),
    reason: reasonOf(picture, host, waits, ended),
    connected: host.host.connected,
    frontier: host.host.frontier,
    direction: host.host.direction,
    startedAt: host.host.startedAt,
    endedAt: host.host.endedAt,
    expectedEndAt: ended ? null : expectedEnd(host, now),
    jobs: jobViews(host, stored),
  };
}

export function stateOf(host: HostPicture): HostRunState {
  const { phase } = host;
  switch (phase.is) {
    case 'waiting':
      if (host.host.held !== null) return 'held';
      return countsAsFailed(host) ? 'failed' : 'waiting';
    case 'never':
      return phase.as === 'missed' ? 'failed' : 'skipped';
    case 'working':
      if (host.silence !== null) return 'failed';
      return !phase.atHold ? 'running' : host.host.held !== null ? 'held' : 'holding';
    case 'halted':
      return host.host.held !== null ? 'held' : 'failed';
    case 'skipped':
    case 'undo-failed':
      return 'failed';
    case 'done':
      return 'succeeded';
    default:
      return phase.is;
  }
}

export function reasonOf(picture: Picture, host: HostPicture, waits: Waits, ended: boolean): string {
  const { phase } = host;
  if (phase.is === 'refused') return phase.because;
  if (phase.is === 'done') return '';
  if (phase.is === 'never') return host.host.jobs[0]?.message ?? '';
  if (host.host.held !== null) return host.host.held + (awaitsPerson(picture, host) ? '; an incident is open' : '');
  if (host.silence !== null) return host.silence;
  if (phase.is === 'halted' || phase.is === 'skipped') return host.host.jobs[phase.position]?.message ?? '';
  if (phase.is === 'undo-failed') return host.host.undo.get(phase.position)?.message ?? '';
  if (ended) return '';
  if (phase.is === 'working' && phase.atHold) {
    return (
      firstHold(picture, host, phase.position)
        ?.missing.map(hold => hold.reason)
        .join('; ') ??
      touchWait(picture, host)?.text ??
      ''
    );
  }
  if (phase.is === 'waiting') return whyShut(picture, host.plan.wave) ?? waits[host.plan.unit]?.text ?? '';
  return '';
}

/** Half of the time it takes longer: from the expected durations of what is left, as if nothing held it up. */
function expectedEnd(host: HostPicture, now: number): number | null {
  if (host.phase.is !== 'working') return null;
  const { position } = host.phase;
  let left = 0;
  for (const [at, job] of host.plan.jobs.entries()) {
    if (at < position) continue;
    const startedAt = at === position ? (host.host.jobs[at]?.startedAt ?? null) : null;
    left += startedAt === null ? job.expectedMs : Math.max(0, job.expectedMs - (now - startedAt));
  }
  return now + left;
}

function jobViews(host: HostPicture, stored: StoredHost | undefined) {
  const rows = [...(stored?.jobs ?? [])].sort(inOrder);
  return rows.map(row => {
    const planned = host.plan.jobs[row.position];
    return {
      position: row.position,
      job: row.job,
      step: planned?.step ?? '',
      name: row.direction === 'undo' ? `undo of ${planned?.name ?? row.job}` : (planned?.name ?? row.job),
      state: row.state,
      direction: row.direction,
      attempt: row.attempt,
      attempts: row.spent + (planned?.attempts ?? 1),
      message: row.message,
      expectedMs: planned?.expectedMs ?? 0,
      startedAt: row.startedAt,
      endedAt: row.endedAt,
    };
  });
}

/** Forwards as they run, then what is taken back, from the last to the first. */
function inOrder(a: StoredJob, b: StoredJob): number {
  if (a.direction !== b.direction) return a.direction === 'forward' ? -1 : 1;
  return a.direction === 'forward' ? a.position - b.position : b.position - a.position;
}
