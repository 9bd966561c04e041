import { heldFor } from './clusters.ts';
import { endedDoubts, undoActions } from './doubt.ts';
import { reactionTo } from './phase.ts';
import { awaitsPerson, firstHold, type HostPicture, isSettled, nameOf, type Picture, pictureAt } from './picture.ts';
import type { PlannedJob } from './plan-index.ts';
import { endedRoleDoubts } from './roles.ts';
import type { Action } from './snapshot.ts';

/** What has gone wrong on hosts, and what the policy says to do then. */
export function failureActions(picture: Picture): Action[] {
  const actions = [...endedSilences(picture), ...endedDoubts(picture), ...endedRoleDoubts(picture)];
  for (const host of picture.hosts) {
    if (host.silence !== null) actions.push(...silenceActions(picture, host));
    if (mayAct(host)) actions.push(...phaseActions(picture, host));
  }
  return actions;
}

/** Most hosts of a long run wait or are done. */
const mayAct = ({ phase }: HostPicture): boolean =>
  phase.is !== 'waiting' && phase.is !== 'done' && phase.is !== 'never' && (phase.is !== 'working' || phase.atHold);

function phaseActions(picture: Picture, host: HostPicture): Action[] {
  const { phase } = host;
  switch (phase.is) {
    case 'refused':
      return incident(picture, host, 'refused', {
        title: `${nameOf(host)} refused its order: ${firstLine(phase.because)}`,
        detail: `${phase.because}. Nothing was done on it; plan it anew once the cause is gone.`,
      });
    case 'halted':
    case 'skipped':
      return haltActions(picture, host, phase.position, phase);
    case 'undo-failed':
      return [
        ...jobIncident(picture, host, phase.position, phase.outcome, 'undo'),
        ...hold(host, `the undo of "${jobAt(host, phase.position)?.name}" ended ${phase.outcome}`),
        ...holdCluster(picture, host, true),
      ];
    case 'undoing':
    case 'undone':
      // Where all is taken back its peers are not held: their turn comes.
      return picture.snapshot.run.state === 'undoing' ? [] : holdCluster(picture, host, false);
    case 'working':
      return blockedActions(picture, host);
    default:
      return [];
  }
}

function haltActions(
  picture: Picture,
  host: HostPicture,
  position: number,
  phase: Extract<HostPicture['phase'], { is: 'halted' | 'skipped' }>,
): Action[] {
  const job = jobAt(host, position);
  if (!job) return [];
  const actions = jobIncident(picture, host, position, phase.outcome, 'forward');
  const reaction = reactionTo(job, phase.outcome);
  const because = `"${job.name}" ended ${phase.outcome}`;
  if (reaction === 'hold') {
    // A person who has dealt with it may also want to see the host taken back; until then nothing moves.
    return [...actions, ...hold(host, because), ...holdCluster(picture, host, true)];
  }
  // Where all is taken back, its turn comes by other rules.
  if (picture.snapshot.run.state === 'undoing') return actions;
  actions.push(...holdCluster(picture, host, false));
  if (phase.is === 'skipped' || host.host.held !== null) return actions;
  if (reaction === 'undo-host') actions.push(...undoActions(picture, host, because));
  else actions.push({ action: 'cancel', host: host.index, as: 'cancelled', reason: because });
  return actions;
}

/**
 * A host at a hold point whose wait can never end, because what it waits for has been taken back or left: it is taken
 * back too, after the host that it waits for, and so never stays half stopped.
 */
function blockedActions(picture: Picture, host: HostPicture): Action[] {
  if (picture.snapshot.run.state === 'undoing') return [];
  const blocker = blockerOf(picture, host);
  if (blocker === null || host.host.held !== null) return [];
  return undoActions(picture, host, blocker);
}

/** Why the hold point at which the host stands will never open, or null. */
export function blockerOf(picture: Picture, host: HostPicture): string | null {
  if (host.phase.is !== 'working' || !host.phase.atHold) return null;
  for (const hold of firstHold(picture, host, host.phase.position)?.missing ?? []) {
    const other = pictureAt(picture, hold.host);
    if (other.phase.is === 'done' || !isSettled(other) || awaitsPerson(picture, other)) continue;
    return `${hold.reason}: "${jobAt(other, hold.position)?.name}" will not happen any more`;
  }
  return null;
}

/** Silence that is over, or another one by now. */
function endedSilences(picture: Picture): Action[] {
  const { run, incidents, plan } = picture.snapshot;
  const prefix = `silent:${run.id}:`;
  const actions: Action[] = [];
  for (const [key, state] of incidents) {
    if (state !== 'open' || !key.startsWith(prefix)) continue;
    const index = plan.byId.get(key.split(':', 3)[2] ?? '');
    const host = index === undefined ? undefined : picture.hosts[index];
    if (!host || (host.silence !== null && key === host.silenceKey)) continue;
    actions.push({ action: 'resolveIncident', key, reason: `${nameOf(host)} was heard from again` });
  }
  return actions;
}

function silenceActions(picture: Picture, host: HostPicture): Action[] {
  if (host.silence === null || picture.snapshot.incidents.has(host.silenceKey)) return [];
  const doing = host.phase.is === 'working' ? jobAt(host, host.phase.position)?.name : null;
  return [
    {
      action: 'openIncident',
      key: host.silenceKey,
      host: host.index,
      title: doing ? `${doing}: ${nameOf(host)} ${host.silence}` : `${nameOf(host)} ${host.silence}`,
      detail:
        'It counts as failed until it is heard from. What was released to it finishes by itself. ' +
        'Look at the server and its agent; resolve this incident to go on without the host.',
    },
  ];
}

const jobAt = (host: HostPicture, position: number): PlannedJob | undefined => host.plan.jobs[position];

function jobIncident(
  picture: Picture,
  host: HostPicture,
  position: number,
  outcome: string,
  direction: 'forward' | 'undo',
): Action[] {
  const job = jobAt(host, position);
  if (!job) return [];
  const state = direction === 'forward' ? host.host.jobs[position] : host.host.undo.get(position);
  const what = direction === 'forward' ? job.name : `undo of ${job.name}`;
  const message = state?.message ?? '';
  const title = `${what} ${ENDED[outcome] ?? outcome}${message ? `: ${firstLine(message)}` : ''}`;
  // What fails again after a person had it done again is another matter than what failed before.
  const round = state && state.spent > 0 ? `:after-${state.spent}` : '';
  return incident(picture, host, `${direction}:${job.id}${round}`, {
    title,
    position,
    direction,
    cause: `${job.step} ${outcome}: ${alike(message, nameOf(host))}`,
    detail: `Step ${job.step} on ${nameOf(host)}, attempt ${state?.attempt ?? 0} of ${job.attempts}. ${message}`.trim(),
  });
}

const ENDED: Record<string, string> = {
  failed: 'failed',
  missed: 'was missed',
  unknown: 'ended and nobody can say how',
};

function incident(
  picture: Picture,
  host: HostPicture,
  cause: string,
  text: Pick<Extract<Action, { action: 'openIncident' }>, 'title' | 'detail' | 'position' | 'direction' | 'cause'>,
): Action[] {
  const key = `host:${picture.snapshot.run.id}:${host.plan.planned.id}:${cause}`;
  return picture.snapshot.incidents.has(key) ? [] : [{ action: 'openIncident', key, host: host.index, ...text }];
}

const hold = (host: HostPicture, reason: string): Action[] =>
  host.host.held === null ? [{ action: 'hold', host: host.index, reason }] : [];

/** Freezes the other members: always where the failure is a hold, else where the plan says so of the cluster. */
function holdCluster(picture: Picture, failed: HostPicture, always: boolean): Action[] {
  const name = failed.plan.planned.cluster;
  if (name === null) return [];
  const cluster = picture.snapshot.plan.clusters.get(name);
  if (!cluster || (!always && cluster.planned.onFailure !== 'hold-cluster')) return [];
  return cluster.members
    .map(index => pictureAt(picture, index))
    .filter(host => host !== failed && !isSettled(host))
    .filter(host => host.phase.is === 'waiting' || host.phase.is === 'working')
    .flatMap(host => hold(host, heldFor(name, nameOf(failed))));
}

const firstLine = (text: string): string => text.split('\n', 1)[0]?.slice(0, 300) ?? '';

/** The first line of an error without what differs from host to host: its name, numbers, and long hexadecimals. */
const alike = (message: string, host: string): string =>
  firstLine(message)
    .replaceAll(host, 'HOST')
    .replace(/\b[0-9a-f]{8,}\b/gi, '#')
    .replace(/\d+/g, '#');
