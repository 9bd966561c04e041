import { present } from '@tidemark/shared/base/assert.ts';
import { positionOf } from './phase.ts';
import { type HostPicture, isSettled, nameOf, type Picture, pictureAt } from './picture.ts';
import type { PlannedJob } from './plan-index.ts';
import type { Action } from './snapshot.ts';

/*
 * Hosts of a unit must not end with two releases of one application side by side. A host that was let go on because the
 * others had come so far goes on, whatever becomes of them meanwhile: what was released finishes by itself. So it has turned
 * before any of the others is taken back, and where nobody knows what it does they are held until it is heard.
 */

/** Takes a host back, as far as the others of its unit allow that now: by level, so that it is asked for until it has happened. */
export function undoActions(picture: Picture, host: HostPicture, reason: string): Action[] {
  const ahead = membersOf(picture, host).flatMap(member => {
    const job = goesOnTo(picture, member);
    return member === host || job === null ? [] : [{ member, job }];
  });
  if (ahead.length === 0) return [{ action: 'undo', host: host.index, reason }];
  const doubtful = ahead.find(({ member }) => isInDoubt(member));
  if (doubtful) return holdActions(picture, host, doubtful);
  const because = `${unitNameOf(picture, host)} goes back as a whole: ${reason}`;
  return ahead
    .filter(({ member: { phase, host: state } }) => phase.is === 'working' && state.held === null)
    .map(({ member }) => ({ action: 'undo', host: member.index, reason: because }));
}

/** Doubts that are over: their incidents are closed, and who was held for them goes on, or back. */
export function endedDoubts(picture: Picture): Action[] {
  const { incidents, run, plan } = picture.snapshot;
  const actions: Action[] = [];
  const prefix = `${DOUBT}:${run.id}:`;
  let isTold = false;
  for (const [key, state] of incidents) {
    if (!key.startsWith(prefix)) continue;
    isTold = true;
    if (state !== 'open') continue;
    const about = picture.hosts[plan.byId.get(key.split(':', 3)[2] ?? '') ?? -1];
    if (about && key === keyOf(picture, about) && isInDoubt(about) && goesOnTo(picture, about) !== null) continue;
    actions.push({ action: 'resolveIncident', key, reason: 'it is known again what became of it' });
  }
  // Nobody is held for a doubt that was never told.
  for (const host of isTold ? picture.hosts : []) {
    if (host.host.held?.startsWith(HELD) !== true) continue;
    const stays = membersOf(picture, host).some(other => {
      const job = isInDoubt(other) ? goesOnTo(picture, other) : null;
      return job !== null && host.host.held === heldFor(other, job);
    });
    if (!stays) actions.push({ action: 'letGo', host: host.index });
  }
  return actions;
}

/** The first job that it was let go to because of others of its unit, and has not ended as far as is known; else null. */
function goesOnTo({ snapshot: { plan } }: Picture, member: HostPicture): PlannedJob | null {
  const position = standsAt(member);
  if (position === null) return null;
  const { holds, jobs } = member.plan;
  for (let at = position; at < member.host.frontier; at++)
    if (holds.get(at)?.some(({ host }) => plan.hosts[host]?.unit === member.plan.unit))
      return present(jobs[at], `job ${at}`);
  return null;
}

/** Where it is on its way forwards; null where it does not go on by itself, or has turned for certain. */
function standsAt({ phase, plan, host }: HostPicture): number | null {
  if (phase.is === 'working') return phase.position;
  if (phase.is === 'halted') return phase.outcome === 'unknown' ? phase.position : null;
  // Told to turn, it may not have heard of it before it has begun its next job.
  return phase.is === 'undoing' && host.undo.size === 0 ? positionOf(plan, host) : null;
}

/** Nobody can say what it does or has done, and no rule will find out. */
const isInDoubt = ({ silence, phase }: HostPicture): boolean =>
  silence !== null || (phase.is === 'halted' && phase.outcome === 'unknown');

function holdActions(picture: Picture, host: HostPicture, doubt: { member: HostPicture; job: PlannedJob }): Action[] {
  const { member, job } = doubt;
  const actions: Action[] = [];
  const key = keyOf(picture, member);
  if (!picture.snapshot.incidents.has(key))
    actions.push({ action: 'openIncident', key, host: member.index, ...textOf(picture, doubt) });
  if (host.host.held === null) actions.push({ action: 'hold', host: host.index, reason: heldFor(member, job) });
  return actions;
}

function textOf(
  picture: Picture,
  { member, job }: { member: HostPicture; job: PlannedJob },
): { title: string; detail: string } {
  const unit = unitNameOf(picture, member);
  const name = nameOf(member);
  const others = membersOf(picture, member).filter(other => other !== member && other.begun && !isSettled(other));
  const names = others.map(nameOf).join(', ');
  const stay = others.length === 1 ? 'stays as it is' : 'stay as they are';
  const them = others.length === 1 ? 'it' : 'them';
  const isUnknown = member.silence === null;
  const because = `${name} was let go on to it because the others had come so far, and ${isUnknown ? 'how its last step ended is not known' : `it ${member.silence}`}.`;
  if (picture.now > picture.snapshot.plan.header.window.end)
    return {
      title: `${unit} stays half done: "${job.name}" may still begin`,
      detail:
        `${because} The window is over, and nothing goes on by itself: ${names} ${stay}, with what was stopped and held on ${them}. ` +
        `Find out on ${name} how far it came, bring ${unit} to one release, and give back what is held.`,
    };
  return {
    title: `"${job.name}" may still begin: the rest of ${unit} is held`,
    detail:
      `${because} Taken back now, ${names} would run the old release beside its new one. ` +
      (isUnknown
        ? `Find out on ${name} how far it came, and decide about it; the others then go on, or back, by themselves. `
        : `Bring ${name} back: it finishes what was released to it, and the others go on, or back, by themselves. `) +
      `If it is gone for good, make sure that it cannot start, and resolve this incident: the run goes on without ${unit}. ` +
      `Then, and from the window's end on, ${names} ${stay}, with what was stopped and held on ${them}.`,
  };
}

const DOUBT = 'doubt';
const HELD = 'nobody knows whether ';
const heldFor = (member: HostPicture, job: PlannedJob): string => `${HELD}${nameOf(member)} begins "${job.name}"`;
/** It is held because nobody knows what `member`, of its unit, will do. */
export const isHeldFor = ({ host: { held } }: HostPicture, member: HostPicture): boolean =>
  held?.startsWith(`${HELD}${nameOf(member)} begins "`) === true;

/** With when it was heard last, or which attempt it is that nobody knows: another silence, or another attempt, is another doubt. */
function keyOf({ snapshot: { run } }: Picture, { plan, phase, host, silenceKey }: HostPicture): string {
  const attempt = phase.is === 'halted' ? `${phase.position}-${host.jobs[phase.position]?.attempt}` : '';
  return `${DOUBT}:${run.id}:${plan.planned.id}:${silenceKey.split(':').at(-1) || `unknown-${attempt}`}`;
}

const membersOf = (picture: Picture, { plan }: HostPicture): HostPicture[] =>
  present(picture.snapshot.plan.units[plan.unit], `unit ${plan.unit}`).hosts.map(index => pictureAt(picture, index));

const unitNameOf = ({ snapshot }: Picture, { plan }: HostPicture): string =>
  present(snapshot.plan.units[plan.unit], `unit ${plan.unit}`).name;
