import { askFor, isAskedInVain } from './asking.ts';
import { probedHealth } from './clusters.ts';
import { positionOf } from './phase.ts';
import { type HostPicture, isAtWork, isHeard, isWrittenOff, nameOf, type Picture, pictureAt } from './picture.ts';
import type { PlanIndex } from './plan-index.ts';
import type { Action } from './snapshot.ts';

/*
 * A run that was stopped with undo takes back what it has begun: first, and whatever else holds, hosts that stand half done;
 * then those that are done, the last waves first and by the rules under which they were let go, as long as there is time.
 * Who waited for another host on the way is taken back before it, also where it is done and the other one is not.
 */

export interface TakingBack {
  actions: Action[];
  /** Something is still to be taken back, and it may be possible later although nothing moves now. */
  waits: boolean;
}

const NOTHING: TakingBack = { actions: [], waits: false };

export function takeBackActions(picture: Picture): TakingBack {
  if (picture.snapshot.run.state !== 'undoing') return NOTHING;
  const going = new Set<number>();
  const actions: Action[] = [];
  for (const host of picture.hosts) {
    if (!standsHalfDone(picture, host) || reliedOnBy(picture, host) !== null) continue;
    going.add(host.index);
    actions.push({ action: 'undo', host: host.index, reason: BECAUSE });
  }
  const halfDone = picture.hosts.some(
    host => standsHalfDone(picture, host) || (isUndoing(picture, host) && !wasDone(host)),
  );
  // What is done is in service: it has no hurry, and what is half done needs the peers.
  if (halfDone) return { actions: actions.length > 0 ? actions : unblock(picture), waits: false };
  return takeBackDone(picture, going);
}

/**
 * Where every half done host waits for one that was let go after it and is done by now, that one goes: it would wait for the
 * half done ones, as all that is done does.
 */
function unblock(picture: Picture): Action[] {
  const going = new Set<number>();
  if (picture.hosts.some(host => isUndoing(picture, host))) return [];
  return picture.hosts.flatMap((host): Action[] => {
    if (!standsHalfDone(picture, host)) return [];
    const first = firstToGo(picture, host);
    if (first.phase.is !== 'done' || going.has(first.index)) return [];
    const bar = connectedBar(picture, first) ?? limitBar(picture, first, going) ?? clusterBar(picture, first, going);
    if (bar) return [];
    going.add(first.index);
    return [{ action: 'undo', host: first.index, reason: BECAUSE }];
  });
}

const BECAUSE = 'the run was stopped with undo';

/** Begun, and neither done nor taken back. What nobody can say anything about is a person's, with its own incident. */
function standsHalfDone(picture: Picture, host: HostPicture): boolean {
  if (host.host.frontier === 0 || isWrittenOff(picture, host)) return false;
  const { phase } = host;
  return phase.is === 'working' || ((phase.is === 'halted' || phase.is === 'skipped') && phase.outcome !== 'unknown');
}

/** It will say how that ended: nobody waits for a host that is gone for good. */
const isUndoing = (picture: Picture, host: HostPicture): boolean =>
  host.phase.is === 'undoing' && !isWrittenOff(picture, host);
const wasDone = ({ plan, host }: HostPicture): boolean => positionOf(plan, host) === plan.jobs.length;

/** Why a host that is done stays as it is; `ask` where facts would tell, `passes` where it may change by itself. */
interface Bar {
  text: string;
  passes: boolean;
  ask?: readonly HostPicture[];
}

function takeBackDone(picture: Picture, going: Set<number>): TakingBack {
  const { plan } = picture.snapshot;
  const actions: Action[] = [];
  const left: string[] = [];
  for (let wave = plan.waves.length - 1; wave >= 0; wave--) {
    const hosts = (plan.waves[wave]?.hosts ?? []).map(index => pictureAt(picture, index));
    const done = hosts.filter(host => host.phase.is === 'done');
    let waits = hosts.some(host => isUndoing(picture, host));
    for (const host of done) {
      const bar = barOf(picture, host, going);
      if (bar === null) {
        going.add(host.index);
        actions.push({ action: 'undo', host: host.index, reason: BECAUSE });
        continue;
      }
      waits ||= bar.passes;
      if (!bar.passes) left.push(`${nameOf(host)}: ${bar.text}`);
      actions.push(...(bar.ask ?? []).flatMap(peer => askFor(picture, peer, peer.host.healthy)));
    }
    // Waves go back one after the other, as they came.
    if (going.size > 0 || waits) return { actions, waits };
  }
  return left.length > 0 ? { actions: [...actions, ...tellLeft(picture, left)], waits: false } : NOTHING;
}

function barOf(picture: Picture, host: HostPicture, going: ReadonlySet<number>): Bar | null {
  const { window } = picture.snapshot.plan.header;
  // Nobody has learned how long an undo takes; it is the same work backwards.
  const needed = host.plan.jobs.reduce((sum, job) => sum + job.p90Ms, 0);
  if (picture.now + needed > window.end) return { text: "it does not fit before the window's end", passes: false };
  const away = connectedBar(picture, host);
  if (away) return away;
  const relied = reliedOnBy(picture, host, going);
  if (relied)
    return {
      text: `${nameOf(relied)} was let begin after it`,
      passes: going.has(relied.index) || isUndoing(picture, relied),
    };
  return placeBar(picture, host, going) ?? limitBar(picture, host, going) ?? clusterBar(picture, host, going);
}

const connectedBar = (picture: Picture, host: HostPicture): Bar | null =>
  host.silence !== null || !isHeard(picture, host)
    ? { text: 'it is not connected', passes: !isWrittenOff(picture, host) }
    : null;

function placeBar(picture: Picture, { plan: { wave } }: HostPicture, going: ReadonlySet<number>): Bar | null {
  const { header, waves } = picture.snapshot.plan;
  const most = header.waves[wave]?.maxParallel ?? 1;
  const members = waves[wave]?.hosts ?? [];
  const atWork = members.filter(index => going.has(index) || isAtWork(pictureAt(picture, index))).length;
  return atWork < most ? null : { text: `maxParallel ${most}`, passes: true };
}

function limitBar(picture: Picture, host: HostPicture, going: ReadonlySet<number>): Bar | null {
  const { plan, elsewhere } = picture.snapshot;
  for (const number of host.plan.limits) {
    const limit = plan.header.limits[number];
    const others = elsewhere?.[number] ?? [];
    const own = (plan.limits[number] ?? []).filter(index => going.has(index) || isDown(pictureAt(picture, index)));
    if (limit && own.length + others.length + 1 > limit.maxOut)
      return {
        text: `limit ${limit.name}: at most ${limit.maxOut} may be out of service`,
        passes: going.size > 0 || others.length > 0 || picture.hosts.some(other => isUndoing(picture, other)),
      };
  }
  return null;
}

/** A member goes only where as many others serve as the cluster needs. An undo hands no role over: that is the cluster's. */
function clusterBar(picture: Picture, host: HostPicture, going: ReadonlySet<number>): Bar | null {
  const name = host.plan.planned.cluster;
  const cluster = name === null ? undefined : picture.snapshot.plan.clusters.get(name);
  if (!cluster || cluster.planned.members.length < 2) return null;
  const members = cluster.members.map(index => pictureAt(picture, index));
  let healthy = cluster.planned.members.length - members.length;
  for (const other of members) if (other !== host && !going.has(other.index) && serves(picture, other)) healthy++;
  if (healthy >= cluster.planned.minHealthy) return null;
  const unsure = members.filter(other => other !== host && probedHealth(picture, other).is === 'unknown');
  const passes =
    going.size > 0 ||
    unsure.some(other => !isAskedInVain(picture, other, other.host.healthy)) ||
    members.some(member => isUndoing(picture, member));
  return {
    text: `cluster ${name} needs ${cluster.planned.minHealthy} healthy members beside it`,
    passes,
    ask: unsure,
  };
}

/** Taken back cleanly it serves again, in its old version. */
function serves(picture: Picture, host: HostPicture): boolean {
  return !isDown(host) && probedHealth(picture, host).is === 'well';
}

function isDown({ begun, phase }: HostPicture): boolean {
  return begun && phase.is !== 'done' && phase.is !== 'undone' && phase.is !== 'never' && phase.is !== 'refused';
}

/** Once: who is called at night wants to know what runs which version. */
function tellLeft({ snapshot: { run, incidents } }: Picture, left: readonly string[]): Action[] {
  const key = `left:${run.id}::patched`;
  if (incidents.has(key)) return [];
  const title = `${left.length} ${left.length === 1 ? 'host stays' : 'hosts stay'} patched although the run was stopped with undo`;
  const detail = `${left.slice(0, SHOWN).join('; ')}${left.length > SHOWN ? `; and ${left.length - SHOWN} more` : ''}. They are done and in service. Make a plan to take them back, or leave them.`;
  return [{ action: 'openIncident', key, host: null, title, detail }];
}

const SHOWN = 20;

/** A host that is still up, or at work, because of what was done on this one: it goes back first. Null where there is none. */
function reliedOnBy(picture: Picture, host: HostPicture, going: ReadonlySet<number> = NOBODY): HostPicture | null {
  for (const { after, at } of firstWaits(picture.snapshot.plan)[host.index] ?? []) {
    const other = pictureAt(picture, after);
    if (other.host.frontier <= at || (other.phase.is === 'halted' && other.phase.outcome === 'unknown')) continue;
    const { is } = other.phase;
    const goesBack = is === 'working' || is === 'halted' || is === 'skipped' || is === 'done' || is === 'undoing';
    if (goesBack || going.has(after)) return other;
  }
  return null;
}

const NOBODY: ReadonlySet<number> = new Set();

/** Who goes back before the host can, at the end of all who rely on one another; the host itself where nobody does. */
function firstToGo(picture: Picture, host: HostPicture): HostPicture {
  const passed = new Set<HostPicture>();
  let first = host;
  for (let next: HostPicture | null = host; next !== null && !passed.has(next); next = reliedOnBy(picture, first)) {
    passed.add(next);
    first = next;
  }
  return first;
}

/** By host: who waits for it, and at which of its own jobs. */
type FirstWaits = readonly (readonly { after: number; at: number }[])[];
const known = new WeakMap<PlanIndex, FirstWaits>();

/**
 * Who stops after whom also starts before it, so that two hosts wait for each other in turn. What counts is the first of
 * these: who was let go later is taken back earlier.
 */
function firstWaits(plan: PlanIndex): FirstWaits {
  const before = known.get(plan);
  if (before) return before;
  // By `${who waits} ${for whom}`: the first job of the one that is waited for, and the job that waits.
  const first = new Map<string, { position: number; at: number }>();
  for (const { index, holds } of plan.hosts)
    for (const [at, list] of holds)
      for (const { host, position } of list) {
        const seen = first.get(`${index} ${host}`);
        if (!seen || position < seen.position) first.set(`${index} ${host}`, { position, at });
      }
  const waits: { after: number; at: number }[][] = plan.hosts.map(() => []);
  for (const [pair, { position, at }] of first) {
    const [after = 0, of = 0] = pair.split(' ').map(Number);
    const back = first.get(`${of} ${after}`);
    // It waits for the other one itself, and that before it is waited for.
    if (back && back.at <= position) continue;
    waits[of]?.push({ after, at });
  }
  known.set(plan, waits);
  return waits;
}
