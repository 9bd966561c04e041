import {
  firstHold,
  type HostPicture,
  isAtWork,
  isOut,
  nameOf,
  type Picture,
  pictureAt,
  releasableTo,
} from './picture.ts';
import type { Unit } from './plan-index.ts';
import { roleCheck } from './roles.ts';
import type { Action } from './snapshot.ts';

/** Why something has not begun. `passes` where it may change although nothing else in the run moves. */
export interface Wait {
  text: string;
  passes: boolean;
}

/** Orders go out when the run begins, so that a refusal is known before the first service is stopped. */
export function offerActions(picture: Picture): Action[] {
  return picture.hosts
    .filter(({ host, phase }) => host.offeredAt === null && phase.is === 'waiting')
    .map(({ index }) => ({ action: 'offerOrder', host: index }));
}

/** Moves the frontier of hosts that have begun. A pause does not stop them: half stopped is no safe point. */
export function releaseActions(picture: Picture): Action[] {
  const actions: Action[] = [];
  for (const host of picture.hosts) {
    if (!host.begun || host.host.held !== null || host.host.direction === 'undo') continue;
    if (host.phase.is !== 'working' && host.phase.is !== 'waiting') continue;
    if (host.host.acceptedAt === null) continue;
    const upTo = releasableTo(picture, host);
    if (upTo > host.host.frontier) actions.push({ action: 'release', host: host.index, upTo });
  }
  return actions;
}

/** Units that begin now: the longest first, since they bind the end of the run, then as the plan lists them. */
export function startActions(picture: Picture): { actions: Action[]; waits: Map<number, Wait> } {
  const actions: Action[] = [];
  const waits = new Map<number, Wait>();
  const usage = usageOf(picture);
  const units = picture.snapshot.plan.units
    .filter(unit => unit.hosts.some(index => pictureAt(picture, index).phase.is === 'waiting'))
    .filter(unit => !unit.hosts.some(index => pictureAt(picture, index).begun))
    .toSorted((a, b) => b.expectedMs - a.expectedMs || a.index - b.index);
  for (const unit of units) {
    const wait = waitOfUnit(picture, unit, usage);
    if (wait === null) {
      const roles = roleCheck(picture, unit);
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
      waits.set(unit.index, roles.wait);
      continue;
    }
    waits.set(unit.index, wait);
  }
  return { actions, waits };
}

interface Usage {
  atWork: number[];
  out: number[];
}

function usageOf(picture: Picture): Usage {
  const { plan } = picture.snapshot;
  const atWork = plan.waves.map(wave => wave.hosts.filter(index => isAtWork(pictureAt(picture, index))).length);
  const out = plan.limits.map(members => members.filter(index => isOut(pictureAt(picture, index))).length);
  return { atWork, out };
}

function occupy(picture: Picture, unit: Unit, usage: Usage): void {
  for (const index of unit.hosts) {
    const { plan } = pictureAt(picture, index);
    usage.atWork[plan.wave] = (usage.atWork[plan.wave] ?? 0) + 1;
    for (const limit of plan.limits) usage.out[limit] = (usage.out[limit] ?? 0) + 1;
  }
}

/** What keeps a unit from beginning, before its cluster's role is looked at; null where nothing does. */
function waitOfUnit(picture: Picture, unit: Unit, usage: Usage): Wait | null {
  const { snapshot, now } = picture;
  const hosts = unit.hosts.map(index => pictureAt(picture, index));
  if (snapshot.run.state !== 'running') return stays(`the run is ${snapshot.run.state}`);
  if (now < snapshot.plan.header.window.start) return { text: 'the window has not begun', passes: true };
  for (const host of hosts) {
    const wait = waitOfHost(picture, host);
    if (wait) return wait;
  }
  return waitForPlace(picture, hosts, usage) ?? waitForOthers(picture, unit, hosts);
}

function waitOfHost(picture: Picture, host: HostPicture): Wait | null {
  const times = picture.snapshot.waves[host.plan.wave];
  if (!times || times.openedAt === null) return stays(`its wave has not been opened`);
  if (host.phase.is !== 'waiting') return stays(`${nameOf(host)}, which starts with it, will not run`);
  if (host.host.held !== null) return stays(host.host.held);
  if (host.silence !== null) return stays(`${nameOf(host)} ${host.silence}`);
  if (host.host.acceptedAt === null) return { text: `${nameOf(host)} has not accepted its order`, passes: true };
  const recent = picture.now - (host.host.lastSeenAt ?? 0) <= picture.snapshot.deadlines.silenceMs;
  if (!host.host.connected && !recent) return { text: `${nameOf(host)} is not connected`, passes: true };
  return null;
}

function waitForPlace(picture: Picture, hosts: readonly HostPicture[], usage: Usage): Wait | null {
  const { header } = picture.snapshot.plan;
  const perWave = Map.groupBy(hosts, host => host.plan.wave);
  for (const [wave, members] of perWave) {
    const most = header.waves[wave]?.maxParallel ?? 0;
    if ((usage.atWork[wave] ?? 0) + members.length > most)
      return stays(`maxParallel ${most} of wave ${header.waves[wave]?.name}`);
  }
  for (const number of new Set(hosts.flatMap(host => host.plan.limits))) {
    const limit = header.limits[number];
    const members = hosts.filter(host => host.plan.limits.includes(number)).length;
    if (limit && (usage.out[number] ?? 0) + members > limit.maxOut) {
      return stays(`limit ${limit.name}: at most ${limit.maxOut} may be out of service`);
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

const stays = (text: string): Wait => ({ text, passes: false });
