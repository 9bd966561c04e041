import { clusterBar } from './clusters.ts';
import { gateKey } from './gates.ts';
import {
  firstHold,
  type HostPicture,
  isAtWork,
  isHeard,
  isOut,
  nameOf,
  type Picture,
  pictureAt,
  releasableTo,
} from './picture.ts';
import type { Unit } from './plan-index.ts';
import { roleCheck } from './roles.ts';
import type { Action } from './snapshot.ts';
import { barActions, touchWait } from './touching.ts';

/** Why something has not begun. `passes` where it may change although nothing else in the run moves. */
export interface Wait {
  text: string;
  passes: boolean;
}

/** By number of the unit; nothing where it need not wait. */
export type Waits = readonly (Wait | undefined)[];

/** Orders go out when the run begins, so that a refusal is known before the first service is stopped. */
export function offerActions(picture: Picture): Action[] {
  return picture.waiting
    .filter(({ host }) => host.offeredAt === null)
    .map(({ index }) => ({ action: 'offerOrder', host: index }));
}

/** Moves the frontier of hosts that have begun. A pause does not stop them: half stopped is no safe point. */
export function releaseActions(picture: Picture): Action[] {
  const actions: Action[] = [];
  // Nobody goes further who is to be taken back as soon as others have been.
  if (picture.snapshot.run.state === 'undoing') return actions;
  for (const host of picture.hosts) {
    if (!host.begun || host.host.held !== null || host.host.direction === 'undo') continue;
    if (host.phase.is !== 'working' && host.phase.is !== 'waiting') continue;
    if (host.host.acceptedAt === null) continue;
    const upTo = releasableTo(picture, host);
    if (upTo <= host.host.frontier) continue;
    const wait = touchWait(picture, host);
    if (wait === null) actions.push({ action: 'release', host: host.index, upTo });
    else actions.push(...wait.actions.filter(action => !isAsked(actions, action)));
  }
  return actions;
}

/** Units that begin now: the longest first, since they bind the end of the run, then as the plan lists them. */
export function startActions(picture: Picture): { actions: Action[]; waits: Waits } {
  const actions: Action[] = [];
  const waits = new Array<Wait | undefined>(picture.snapshot.plan.units.length).fill(undefined);
  if (picture.waiting.length === 0) return { actions, waits };
  const usage = usageOf(picture);
  for (const unit of picture.snapshot.plan.unitsInTurn) {
    if (!isToBegin(picture, unit)) continue;
    const hosts = unit.hosts.map(index => pictureAt(picture, index));
    const wait = waitOfUnit(picture, unit, hosts, usage, actions);
    if (wait === null) {
      const roles = roleCheck(picture, hosts);
      actions.push(...roles.actions);
      if (roles.wait === null) {
        occupy(picture, unit, usage);
        for (const index of unit.hosts) {
          const upTo = releasableTo(picture, pictureAt(picture, index));
          if (upTo > 0) actions.push({ action: 'release', host: index, upTo });
        }
        continue;
      }
      // Its place is kept while its role is asked for: otherwise a later one would always overtake it.
      occupy(picture, unit, usage);
      waits[unit.index] = roles.wait;
      continue;
    }
    waits[unit.index] = wait;
  }
  return { actions, waits };
}

/** Somebody of it waits, and nobody has begun. */
function isToBegin(picture: Picture, { hosts }: Unit): boolean {
  let waits = false;
  for (const index of hosts) {
    const host = pictureAt(picture, index);
    if (host.begun) return false;
    waits ||= host.phase.is === 'waiting';
  }
  return waits;
}

interface Usage {
  /** By wave. */
  atWork: number[];
  /** By limit. */
  out: number[];
  /** By wave: what a host of it waits for when no place is left. */
  full: (Wait | undefined)[];
  /** Numbers of hosts that begin now. */
  gone: Set<number>;
}

function usageOf(picture: Picture): Usage {
  const { plan } = picture.snapshot;
  const atWork = new Array<number>(plan.waves.length).fill(0);
  const out = new Array<number>(plan.limits.length).fill(0);
  for (const host of picture.hosts) {
    if (!host.begun) continue;
    if (isAtWork(host)) atWork[host.plan.wave] = (atWork[host.plan.wave] ?? 0) + 1;
    if (isOut(host)) for (const limit of host.plan.limits) out[limit] = (out[limit] ?? 0) + 1;
  }
  return { atWork, out, full: [], gone: new Set() };
}

function occupy(picture: Picture, unit: Unit, usage: Usage): void {
  for (const index of unit.hosts) {
    const { plan } = pictureAt(picture, index);
    usage.gone.add(index);
    usage.atWork[plan.wave] = (usage.atWork[plan.wave] ?? 0) + 1;
    for (const limit of plan.limits) usage.out[limit] = (usage.out[limit] ?? 0) + 1;
  }
}

/** What keeps a unit from beginning, before its cluster's role is looked at; null where nothing does. */
function waitOfUnit(
  picture: Picture,
  unit: Unit,
  hosts: readonly HostPicture[],
  usage: Usage,
  actions: Action[],
): Wait | null {
  const { snapshot, now } = picture;
  if (snapshot.run.state !== 'running') return stays(`the run is ${snapshot.run.state}`);
  if (now < snapshot.plan.header.window.start) return { text: 'the window has not begun', passes: true };
  for (const host of hosts) {
    const wait = waitOfHost(picture, host);
    if (wait) return wait;
  }
  return (
    waitForPlace(picture, hosts, usage) ??
    waitForOthers(picture, unit, hosts) ??
    waitForPeers(picture, hosts, usage, actions)
  );
}

function waitOfHost(picture: Picture, host: HostPicture): Wait | null {
  const times = picture.snapshot.waves[host.plan.wave];
  if (!times || times.openedAt === null) return WAVE_NOT_OPEN;
  const uncovered = lapsedApproval(picture, host.plan.wave);
  if (uncovered) return uncovered;
  if (host.phase.is !== 'waiting') return stays(`${nameOf(host)}, which starts with it, will not run`);
  if (host.host.held !== null) return stays(host.host.held);
  if (host.silence !== null) return stays(`${nameOf(host)} ${host.silence}`);
  if (host.host.acceptedAt === null) return { text: `${nameOf(host)} has not accepted its order`, passes: true };
  if (!isHeard(picture, host)) return { text: `${nameOf(host)} is not connected`, passes: true };
  return null;
}

/** An approval of a wave covers the starts of its hosts only while it counts. */
function lapsedApproval({ snapshot }: Picture, wave: number): Wait | null {
  const gates = snapshot.plan.header.waves[wave]?.gates ?? [];
  for (const [number, gate] of gates.entries()) {
    if (gate.kind !== 'approval' || snapshot.gates?.get(gateKey(wave, number))?.state === 'passed') continue;
    // Another approval may still come; where the policy says so nobody waits for it.
    return { text: `the approval of its wave (gate ${gate.name}) is over`, passes: gate.onExpire === 'hold' };
  }
  return null;
}

function waitForPlace(picture: Picture, hosts: readonly HostPicture[], usage: Usage): Wait | null {
  const { header } = picture.snapshot.plan;
  for (const { plan } of hosts) {
    const { wave } = plan;
    const most = header.waves[wave]?.maxParallel ?? 0;
    const members = hosts.length === 1 ? 1 : hosts.filter(host => host.plan.wave === wave).length;
    if ((usage.atWork[wave] ?? 0) + members <= most) continue;
    usage.full[wave] ??= stays(`maxParallel ${most} of wave ${header.waves[wave]?.name}`);
    return usage.full[wave];
  }
  for (const number of limitsOf(hosts)) {
    const limit = header.limits[number];
    const members = hosts.length === 1 ? 1 : hosts.filter(host => host.plan.limits.includes(number)).length;
    const others = picture.snapshot.elsewhere?.[number] ?? [];
    const out = (usage.out[number] ?? 0) + others.length;
    if (limit && out + members > limit.maxOut) {
      const text = `limit ${limit.name}: at most ${limit.maxOut} may be out of service`;
      if (others.length === 0) return stays(text);
      return { text: `${text}, and ${others.join(', ')} ${others.length === 1 ? 'is' : 'are'}`, passes: true };
    }
  }
  return null;
}

/**
 * A unit begins only once all that it will wait for has begun: so whoever waits at a hold point waits for somebody who
 * started earlier, and no circle of hosts that hold each other's places can come about.
 */
function waitForOthers(picture: Picture, unit: Unit, hosts: readonly HostPicture[]): Wait | null {
  for (const host of hosts) {
    for (const holds of host.plan.holds.values()) {
      for (const hold of holds) {
        const other = pictureAt(picture, hold.host);
        if (other.plan.unit !== unit.index && !other.begun && other.phase.is !== 'done') {
          return stays(`${nameOf(other)} comes first: ${hold.reason}`);
        }
      }
    }
  }
  if (hosts.some(host => releasableTo(picture, host) > 0)) return null;
  const missing = hosts.map(host => firstHold(picture, host, 0)?.missing[0]).find(hold => hold !== undefined);
  return stays(missing ? missing.reason : 'nothing can be released');
}

/** The last healthy member of a cluster is never touched, whatever limits say. */
function waitForPeers(picture: Picture, hosts: readonly HostPicture[], usage: Usage, actions: Action[]): Wait | null {
  const bar = clusterBar(picture, hosts, usage.gone);
  if (bar === null) return null;
  actions.push(...barActions(picture, bar).filter(action => !isAsked(actions, action)));
  return { text: bar.text, passes: bar.passes };
}

/** Two hosts may wait for the same member: it is asked once. */
const isAsked = (actions: readonly Action[], wanted: Action): boolean =>
  actions.some(
    action =>
      (action.action === 'observeFacts' && wanted.action === 'observeFacts' && action.host === wanted.host) ||
      (action.action === 'openIncident' && wanted.action === 'openIncident' && action.key === wanted.key),
  );

function limitsOf(hosts: readonly HostPicture[]): Iterable<number> {
  const [only] = hosts;
  return only && hosts.length === 1 ? only.plan.limits : new Set(hosts.flatMap(host => host.plan.limits));
}

const stays = (text: string): Wait => ({ text, passes: false });
const WAVE_NOT_OPEN = stays('its wave has not been opened');
