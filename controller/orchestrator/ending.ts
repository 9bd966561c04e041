import { present } from '@tidemark/shared/base/assert.ts';
import { undoActions } from './doubt.ts';
import { blockerOf } from './failures.ts';
import { awaitsPerson, type HostPicture, isSettled, isWrittenOff, nameOf, type Picture, pictureAt } from './picture.ts';
import type { Unit } from './plan-index.ts';
import { type Action, isStopping } from './snapshot.ts';
import type { Waits } from './starts.ts';
import { touchWait } from './touching.ts';
import { currentWave, waitOfWave, whyShut } from './waves.ts';

/** Hosts that have not begun and for which it is too late, or that a stopped run will not begin. */
export function giveUpActions(picture: Picture): Action[] {
  const { plan, run } = picture.snapshot;
  const { window } = plan.header;
  const actions: Action[] = [];
  const fits = picture.now + plan.longestUnitMs + window.reserveMs <= window.end;
  // Most ticks end here: every unit still fits, and no wave has ended without a host of it.
  if (!isStopping(run.state) && fits && !picture.waiting.some(host => isOfEndedWave(picture, host))) return actions;
  for (const number of waitingUnits(picture)) {
    const unit = present(plan.units[number], `unit ${number}`);
    const needed = unit.p90Ms + window.reserveMs;
    const stops = isStopping(run.state);
    if (!stops && picture.now + needed <= window.end && !hasEndedWave(picture, unit)) continue;
    const waiting = unit.hosts.map(index => pictureAt(picture, index)).filter(isYetToBegin);
    if (stops) {
      for (const host of waiting) actions.push(giveUp(host, 'cancelled', 'the run was stopped before its turn'));
    } else if (waiting.every(host => isOfEndedWave(picture, host))) {
      const late = waiting.filter(host => host.host.held === null);
      for (const host of late) actions.push(giveUp(host, 'missed', 'its wave ended before it could begin'));
    } else if (picture.now + needed > window.end) {
      const reason = `${minutes(needed)} with the reserve do not fit before the window's end`;
      for (const host of waiting) actions.push(giveUp(host, 'missed', reason));
    }
  }
  return actions;
}

const isYetToBegin = (host: HostPicture): boolean => host.phase.is === 'waiting' && !host.begun;

/** Numbers of units with a host that has not begun, in the order of the plan. */
function waitingUnits({ waiting }: Picture): Iterable<number> {
  const units = new Set<number>();
  for (const host of waiting) if (!host.begun) units.add(host.plan.unit);
  return [...units].sort((a, b) => a - b);
}

const isOfEndedWave = ({ snapshot }: Picture, host: HostPicture): boolean =>
  (snapshot.waves[host.plan.wave]?.endedAt ?? null) !== null;

const hasEndedWave = (picture: Picture, { hosts }: Unit): boolean =>
  hosts.some(index => isOfEndedWave(picture, pictureAt(picture, index)));

/**
 * What remains when nothing else is to be done: if nothing is under way and nothing will change by itself, hosts that
 * stand half done are taken back, those that cannot begin any more are given up, and the run ends.
 */
export function endActions(picture: Picture, waits: Waits): Action[] {
  if (picture.hosts.every(isSettled)) return anyAwaits(picture) ? [] : [endOf(picture)];
  if (isMoving(picture) || waitsForTime(picture, waits) || waitsForPerson(picture)) return [];
  const stuck = picture.working.filter(host => !isWrittenOff(picture, host));
  const back = stuck.flatMap(host =>
    undoActions(picture, host, host.host.held ?? blockerOf(picture, host) ?? 'what it waits for will not happen'),
  );
  if (back.length > 0) return back;
  const left = picture.waiting;
  const wave = currentWave(picture);
  // Wave by wave: with its hosts given up a wave can end, and another that does not need it may have its turn.
  const now = left.filter(host => host.plan.wave === wave);
  if (left.length > 0) return (now.length > 0 ? now : left).map(host => giveUpStuck(picture, host, waits));
  return [endOf(picture)];
}

/** Jobs run or will run without anybody's help. */
const isMoving = (picture: Picture): boolean =>
  picture.hosts.some(host => {
    if (host.phase.is === 'undoing') return !isWrittenOff(picture, host);
    return host.phase.is === 'working' && !host.phase.atHold && !isWrittenOff(picture, host);
  });

function waitsForTime(picture: Picture, waits: Waits): boolean {
  const { run, waves } = picture.snapshot;
  if (isStopping(run.state)) return false;
  if (waits.some(wait => wait?.passes) || picture.working.some(host => waitsToBeTouched(picture, host))) return true;
  const next = waves.findIndex(times => times.openedAt === null && times.endedAt === null);
  return run.state === 'running' && next >= 0 && waitOfWave(picture, next)?.passes === true;
}

/** Prepared and waiting for a member of its cluster, while what is left of it still fits. */
function waitsToBeTouched(picture: Picture, host: HostPicture): boolean {
  const { window } = picture.snapshot.plan.header;
  const left = host.plan.jobs.slice(host.plan.touchesAt ?? 0).reduce((sum, job) => sum + job.expectedMs, 0);
  return picture.now + left + window.reserveMs <= window.end && touchWait(picture, host)?.passes === true;
}

function waitsForPerson(picture: Picture): boolean {
  const { run, plan, incidents } = picture.snapshot;
  if (isStopping(run.state) || picture.now > plan.header.window.end) return false;
  if (run.state === 'paused' && picture.waiting.length > 0) return true;
  if (anyAwaits(picture)) return true;
  // A peer that was frozen half done waits for the decision about the host that failed.
  const frozen = picture.hosts.some(host => host.host.held !== null && host.begun && !isSettled(host));
  return frozen && [...incidents.values()].includes('open');
}

const anyAwaits = (picture: Picture): boolean => picture.hosts.some(host => awaitsPerson(picture, host));

function endOf(picture: Picture): Action {
  const bad = picture.hosts.filter(host => host.phase.is !== 'done');
  if (bad.length === 0) {
    return { action: 'endRun', state: 'succeeded', reason: `all ${picture.hosts.length} hosts are done` };
  }
  const state = isStopping(picture.snapshot.run.state) ? 'stopped' : 'failed';
  const done = picture.hosts.length - bad.length;
  const shown = bad.slice(0, SHOWN_HOSTS).map(host => `${nameOf(host)} ${wordFor(host)}`);
  const more = bad.length > SHOWN_HOSTS ? ` and ${bad.length - SHOWN_HOSTS} more` : '';
  return {
    action: 'endRun',
    state,
    reason: `${done} of ${picture.hosts.length} hosts are done; ${shown.join(', ')}${more}`,
  };
}

/** One sentence has to hold them; the view has all. */
const SHOWN_HOSTS = 8;

function wordFor(host: HostPicture): string {
  if (host.silence !== null) return host.silence;
  switch (host.phase.is) {
    case 'never':
      return host.phase.as;
    case 'halted':
      return 'held';
    case 'undo-failed':
      return 'not undone';
    case 'refused':
      return 'refused its order';
    default:
      return host.phase.is;
  }
}

function giveUpStuck(picture: Picture, host: HostPicture, waits: Waits): Action {
  // Why its wave is shut says more than that it is.
  const reason = whyShut(picture, host.plan.wave) ?? waits[host.plan.unit]?.text ?? 'what it waits for will not happen';
  // Silence must still count as failed when the waiting is over.
  return giveUp(host, host.silence === null ? 'cancelled' : 'missed', host.silence ?? reason);
}

const giveUp = (host: HostPicture, as: 'cancelled' | 'missed', reason: string): Action => ({
  action: 'cancel',
  host: host.index,
  as,
  reason,
});

const minutes = (ms: number): string => (ms < 120_000 ? `${Math.ceil(ms / 1000)} s` : `${Math.ceil(ms / 60_000)} min`);
