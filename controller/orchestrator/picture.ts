import { present } from '@tidemark/shared/base/assert.ts';
import { type Phase, phaseOf } from './phase.ts';
import type { Hold, IndexedHost } from './plan-index.ts';
import { silenceOf } from './silence.ts';
import { type HostSnapshot, isStopping, type RunSnapshot } from './snapshot.ts';

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
  /** Of the incident about this silence; empty where it is not silent. */
  silenceKey: string;
}

/** A run at one tick. Made once, read by all rules. */
export interface Picture {
  snapshot: RunSnapshot;
  now: number;
  hosts: readonly HostPicture[];
  /** Of `hosts`, those that have not begun to do anything. */
  waiting: readonly HostPicture[];
  /** Those whose order is under way, forwards. */
  working: readonly HostPicture[];
  /** Those of which nobody can say that all is well: what {@link countsAsFailed} says. */
  failed: readonly HostPicture[];
  /** Whether the host with this id has an open incident of its own. */
  isAsked(id: string): boolean;
}

export const pictureOf = (snapshot: RunSnapshot, now: number): Picture => new Painter().picture(snapshot, now);

/**
 * Makes pictures of one run, one after the other, and keeps of each host what has not changed. A host's snapshot is taken
 * as unchanged as long as it is the same object, so whoever has a painter must replace snapshots and not change them.
 */
export class Painter {
  #hosts: HostPicture[] = [];

  picture(snapshot: RunSnapshot, now: number): Picture {
    const { plan } = snapshot;
    const begun = begunUnits(snapshot);
    const waiting: HostPicture[] = [];
    const working: HostPicture[] = [];
    const failed: HostPicture[] = [];
    const hosts: HostPicture[] = new Array(plan.hosts.length);
    for (let index = 0; index < plan.hosts.length; index++) {
      const planned = plan.hosts[index] as IndexedHost;
      const state = present(snapshot.hosts[index], planned.planned.name);
      const before = this.#hosts[index];
      const hasBegun = begun[planned.unit] === 1;
      const host =
        before &&
        before.host === state &&
        before.begun === hasBegun &&
        before.plan === planned &&
        isQuiet(before, snapshot)
          ? before
          : paint(snapshot, planned, state, hasBegun, now, before);
      hosts[index] = host;
      if (host.phase.is === 'waiting') waiting.push(host);
      else if (host.phase.is === 'working') working.push(host);
      if (countsAsFailed(host)) failed.push(host);
    }
    this.#hosts = hosts;
    return { snapshot, now, hosts, waiting, working, failed, isAsked: askedAbout(snapshot) };
  }
}

function begunUnits({ plan, hosts }: RunSnapshot): Uint8Array {
  const begun = new Uint8Array(plan.units.length);
  for (let index = 0; index < hosts.length; index++) {
    const host = hosts[index];
    if (host && (host.frontier > 0 || host.direction === 'undo')) begun[plan.hosts[index]?.unit ?? 0] = 1;
  }
  return begun;
}

/** Time alone changes nothing about it: nothing is expected of it, or it is there and its turn has not come. */
function isQuiet({ host, phase, silence }: HostPicture, { run }: RunSnapshot): boolean {
  if (silence !== null || run.state === 'undoing') return false;
  if (phase.is === 'waiting') return host.connected && host.acceptedAt !== null;
  return phase.is === 'working' ? phase.atHold : phase.is !== 'undoing';
}

function paint(
  snapshot: RunSnapshot,
  plan: IndexedHost,
  host: HostSnapshot,
  begun: boolean,
  now: number,
  before: HostPicture | undefined,
): HostPicture {
  const phase = before?.host === host && before.plan === plan ? before.phase : phaseOf(plan, host);
  const silence = silenceOf(snapshot, plan, host, phase, now);
  // With the time of the last word, so that silence after a recovery is an incident of its own.
  const silenceKey = silence === null ? '' : `silent:${snapshot.run.id}:${plan.planned.id}:${silence.since}`;
  return { index: plan.index, plan, host, phase, begun, silence: silence?.text ?? null, silenceKey };
}

/** Looked up when it is asked for first: at most ticks nobody is held. */
function askedAbout({ incidents }: RunSnapshot): (id: string) => boolean {
  let asked: Set<string> | null = null;
  return id => {
    asked ??= new Set([...incidents].flatMap(([key, state]) => (state === 'open' ? (key.split(':', 3)[2] ?? []) : [])));
    return asked.has(id);
  };
}

/** The rules ask for it thousands of times a tick, so what is to be said where it is missing is put together only there. */
export const pictureAt = (picture: Picture, index: number): HostPicture =>
  picture.hosts[index] ?? present<HostPicture>(undefined, `host number ${index}`);

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

/** What a host may be released to now; a member of a cluster first to where it is prepared, see touching.ts. */
export function releasableTo(picture: Picture, host: HostPicture): number {
  const { frontier } = host.host;
  const { touchesAt, jobs } = host.plan;
  const first = firstHold(picture, host, frontier)?.position ?? jobs.length;
  return touchesAt !== null && frontier <= touchesAt && !standsBeforeTouch(host) ? Math.min(first, touchesAt) : first;
}

/** A member of a cluster of which all that prepares it has been done, and nothing else released. */
export const standsBeforeTouch = ({ plan, host, phase }: HostPicture): boolean =>
  plan.touchesAt !== null && host.frontier === plan.touchesAt && phase.is === 'working' && phase.atHold;

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
  const { run, plan } = picture.snapshot;
  if (host.host.held === null || isStopping(run.state) || picture.now > plan.header.window.end) return false;
  return picture.isAsked(host.plan.planned.id);
}

/** It is gone for good as far as this run is concerned: somebody said so, or the window is over. */
export function isWrittenOff(picture: Picture, host: HostPicture): boolean {
  if (host.silence === null) return false;
  const { incidents, plan } = picture.snapshot;
  return picture.now > plan.header.window.end || incidents.get(host.silenceKey) === 'resolved';
}

/** Its connection stands, or has not been away for long. */
export const isHeard = ({ snapshot, now }: Picture, { host }: HostPicture): boolean =>
  host.connected || now - (host.lastSeenAt ?? 0) <= snapshot.deadlines.silenceMs;

export const nameOf = (host: HostPicture): string => host.plan.planned.name;
