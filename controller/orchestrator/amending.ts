import type { AmendmentAction } from '@tidemark/shared/orders/amendment.ts';
import { clusterBar } from './clusters.ts';
import { type HostPicture, isOut, nameOf, type Picture, pictureAt } from './picture.ts';
import type { Hold } from './plan-index.ts';

/** What somebody wants done: a job by its position in the host's order, or, to take it back, the whole host. */
export interface Wish {
  action: AmendmentAction;
  position: number | null;
}

/**
 * Why a person's decision cannot be carried out now, naming the rule that it would break; null where it can. The agent
 * judges by itself whether the order is where the decision needs it: here is judged what only the whole run knows.
 */
export function whyNot(picture: Picture, host: HostPicture, { action, position }: Wish): string | null {
  if (action === 'undo') return whyNotUndone(picture, host);
  const job = position === null ? undefined : host.plan.jobs[position];
  if (position === null || !job) return `${nameOf(host)} has no such job`;
  if (action === 'retry') return whyNotAgain(picture, host, position);
  const stands = standsAt(host);
  const isAhead = host.phase.is === 'waiting' ? position >= 0 : stands !== null && position >= stands;
  if (!isAhead) return `"${job.name}" is not ahead of ${nameOf(host)} any more: ${whereItIs(host)}`;
  return action === 'skip' ? whyNotSkipped(picture, host, position) : null;
}

/** The first job that has not ended well; null where there is none. */
function standsAt({ phase }: HostPicture): number | null {
  return 'position' in phase ? phase.position : null;
}

function whyNotAgain(picture: Picture, host: HostPicture, position: number): string | null {
  const { phase } = host;
  if (phase.is === 'undo-failed') {
    return position === phase.position ? null : `only the undo that failed can be tried again: ${whereItIs(host)}`;
  }
  if ((phase.is !== 'halted' && phase.is !== 'skipped') || position > phase.position) {
    return `only a job at or before one that failed can be done again: ${whereItIs(host)}`;
  }
  const { window } = picture.snapshot.plan.header;
  const left = host.plan.jobs.slice(position).reduce((sum, job) => sum + job.p90Ms, 0) + window.reserveMs;
  if (picture.now + left > window.end) {
    return `window: ${minutes(left)} with the reserve do not fit before its end at ${new Date(window.end).toISOString()}`;
  }
  const relied = reliesOn(picture, host, position, phase.position);
  return relied && `tier order: ${relied}; take that back first, or begin at a later job`;
}

function whyNotSkipped(picture: Picture, host: HostPicture, position: number): string | null {
  if (host.phase.is === 'undo-failed') return null;
  for (const other of picture.hosts) {
    for (const [at, holds] of other.plan.holds) {
      const hold = holds.find(candidate => isAbout(candidate, host, position));
      if (!hold || other.host.frontier > at || other.phase.is === 'never') continue;
      return `tier order: "${other.plan.jobs[at]?.name}" waits for it (${hold.reason}): say "done" where somebody has done it`;
    }
  }
  const job = host.plan.jobs[position];
  const cluster = host.plan.planned.cluster;
  if (!job || cluster === null || !BRINGS_BACK.test(job.kind)) return null;
  const next = (picture.snapshot.plan.clusters.get(cluster)?.members ?? [])
    .map(index => pictureAt(picture, index))
    .find(other => other !== host && (other.phase.is === 'waiting' || other.phase.is === 'working'));
  return next
    ? `cluster ${cluster}: without it nobody knows that ${nameOf(host)} is well, and ${nameOf(next)} would be taken down next`
    : null;
}

/** Kinds of steps after which a host is in service again, or is seen to be. */
const BRINGS_BACK = /^(service\/start|check\/|cluster\/|lb\/|command\/|manual\/)/;

function whyNotUndone(picture: Picture, host: HostPicture): string | null {
  switch (host.phase.is) {
    case 'waiting':
    case 'refused':
    case 'never':
      return `nothing was done on ${nameOf(host)}`;
    case 'undoing':
    case 'undone':
      return `${nameOf(host)} is being taken back, or has been`;
    case 'undo-failed':
      return `the undo of ${nameOf(host)} has failed: do it again ("retry"), or settle it by "done" or "skip"`;
    default:
      break;
  }
  const relied = reliesOn(picture, host, 0, host.plan.jobs.length);
  if (relied) return `tier order: ${relied}; take that back first`;
  if (host.phase.is !== 'done') return null;
  return limitBar(picture, host) ?? clusterBar(picture, [host])?.text ?? null;
}

/** A host that is at work because jobs of this one, from `from` until before `until`, have ended well; as text. */
function reliesOn(picture: Picture, host: HostPicture, from: number, until: number): string | null {
  for (const other of picture.hosts) {
    if (other === host || !other.begun || other.phase.is === 'done' || other.phase.is === 'undone') continue;
    for (const [at, holds] of other.plan.holds) {
      if (other.host.frontier <= at) continue;
      const hold = holds.find(
        ({ host: before, position }) => before === host.index && position >= from && position < until,
      );
      if (hold) return `"${other.plan.jobs[at]?.name}" was let begin after it (${hold.reason})`;
    }
  }
  return null;
}

/** It is in service, and by a limit it has to stay so. */
export function limitBar(picture: Picture, host: HostPicture): string | null {
  const { plan } = picture.snapshot;
  for (const number of host.plan.limits) {
    const limit = plan.header.limits[number];
    const out = (plan.limits[number] ?? []).filter(index => isOut(pictureAt(picture, index))).length;
    if (limit && !isOut(host) && out + 1 > limit.maxOut) {
      return `limit ${limit.name}: at most ${limit.maxOut} may be out of service, and ${out} are`;
    }
  }
  return null;
}

const isAbout = (hold: Hold, host: HostPicture, position: number): boolean =>
  hold.host === host.index && hold.position === position;

function whereItIs(host: HostPicture): string {
  const at = standsAt(host);
  const job = at === null ? undefined : host.plan.jobs[at];
  return `${nameOf(host)} is ${host.phase.is}${job ? ` at "${job.name}"` : ''}`;
}

const minutes = (ms: number): string => `${Math.ceil(ms / 60_000)} min`;
