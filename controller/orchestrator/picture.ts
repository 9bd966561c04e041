import { present } from '@tidemark/shared/base/assert.ts';
import { type Phase, phaseOf } from './phase.ts';
import type { Hold, IndexedHost } from './plan-index.ts';
import { silenceOf } from './silence.ts';
import type { HostSnapshot, RunSnapshot } from './snapshot.ts';

/** One host at one tick: what the plan says, what is observed, and what follows from both. */
export interface HostPicture {
  index: number;
  plan: IndexedHost;
  host: HostSnapshot;
  phase: Phase;
  /** It or a host of its unit has been released: it may be out of service. */
  begun: boolean;
  /** Why it counts as silent, or null. */
  silence: string | null;
  silenceKey: string;
}

/** A run at one tick. Made once, read by all rules. */
export interface Picture {
  snapshot: RunSnapshot;
  now: number;
  hosts: readonly HostPicture[];
}

export function pictureOf(snapshot: RunSnapshot, now: number): Picture {
  const { plan } = snapshot;
  const begunUnits = new Set<number>();
  plan.hosts.forEach((planned, index) => {
    const host = snapshot.hosts[index];
    if (host && (host.frontier > 0 || host.direction === 'undo')) begunUnits.add(planned.unit);
  });
  const hosts = plan.hosts.map((planned, index) => {
    const host = present(snapshot.hosts[index], `the state of ${planned.planned.name}`);
    const phase = phaseOf(planned, host);
    const silence = silenceOf(snapshot, planned, host, phase, now);
    return {
      index,
      plan: planned,
      host,
      phase,
      begun: begunUnits.has(planned.unit),
      silence: silence?.text ?? null,
      // With the time of the last word, so that silence after a recovery is an incident of its own.
      silenceKey: `silent:${snapshot.run.id}:${planned.planned.id}:${silence?.since ?? 0}`,
    };
  });
  return { snapshot, now, hosts };
}

export const pictureAt = (picture: Picture, index: number): HostPicture =>
  present(picture.hosts[index], `host number ${index}`);

/** The job that a hold point waits for has ended well. */
export function isPassedAt(picture: Picture, hold: Hold): boolean {
  const { phase } = pictureAt(picture, hold.host);
  switch (phase.is) {
    case 'done':
      return true;
    case 'working':
    case 'halted':
    case 'skipped':
      return phase.position > hold.position;
    // What was done there has been or may be taken back.
    default:
      return false;
  }
}

/** The first position at or after `from` at which something elsewhere is missing, with what; null where nothing is. */
export function firstHold(
  picture: Picture,
  host: HostPicture,
  from: number,
): { position: number; missing: readonly Hold[] } | null {
  let first: { position: number; missing: readonly Hold[] } | null = null;
  for (const [position, holds] of host.plan.holds) {
    if (position < from || (first && position >= first.position)) continue;
    const missing = holds.filter(hold => !isPassedAt(picture, hold));
    if (missing.length > 0) first = { position, missing };
  }
  return first;
}

/** What a host may be released to now. */
export const releasableTo = (picture: Picture, host: HostPicture): number =>
  firstHold(picture, host, host.host.frontier)?.position ?? host.plan.jobs.length;

/** Nobody can vouch for it: this is what budgets count. */
export function countsAsFailed(host: HostPicture): boolean {
  if (host.silence !== null) return true;
  switch (host.phase.is) {
    case 'waiting':
    case 'working':
    case 'done':
      return false;
    case 'never':
      return host.phase.as === 'missed';
    default:
      return true;
  }
}

/** Begun and not ended well: limits take it as out of service, also where it was taken back cleanly. */
export function isOut(host: HostPicture): boolean {
  if (!host.begun) return false;
  return host.phase.is !== 'done' && host.phase.is !== 'never' && host.phase.is !== 'refused';
}

/** Something is or will be done on it without anybody's help: what maxParallel counts. */
export function isAtWork(host: HostPicture): boolean {
  if (!host.begun) return false;
  switch (host.phase.is) {
    case 'working':
      return host.host.held === null || !host.phase.atHold;
    case 'waiting':
    case 'halted':
      return host.host.held === null;
    case 'undoing':
      return true;
    default:
      return false;
  }
}

/** No rule will do anything more on this host by itself. */
export function isSettled(host: HostPicture): boolean {
  switch (host.phase.is) {
    case 'refused':
    case 'never':
    case 'skipped':
    case 'done':
    case 'undone':
      return true;
    case 'undo-failed':
    case 'halted':
      return host.host.held !== null;
    default:
      return false;
  }
}

/** Its wave need not wait for it any longer. */
export const isThroughWave = (host: HostPicture): boolean =>
  isSettled(host) || host.silence !== null || (host.host.held !== null && !isAtWork(host));

/** A decision about this very host is open and there is time left to make it. */
export function awaitsPerson(picture: Picture, host: HostPicture): boolean {
  const { run, incidents, plan } = picture.snapshot;
  if (host.host.held === null || run.state === 'stopping' || picture.now > plan.header.window.end) return false;
  const id = host.plan.planned.id;
  for (const [key, state] of incidents) {
    if (state === 'open' && key.split(':')[2] === id) return true;
  }
  return false;
}

/** It is gone for good as far as this run is concerned: somebody said so, or the window is over. */
export function isWrittenOff(picture: Picture, host: HostPicture): boolean {
  if (host.silence === null) return false;
  const { incidents, plan } = picture.snapshot;
  return picture.now > plan.header.window.end || incidents.get(host.silenceKey) === 'resolved';
}

export const nameOf = (host: HostPicture): string => host.plan.planned.name;
