import { waveHasFailed } from './budgets.ts';
import { type DueGate, dueGates, gateActions, type WaveWait, waitAtGates } from './gates.ts';
import { isThroughWave, type Picture, pictureAt } from './picture.ts';
import type { Action } from './snapshot.ts';

/** Waves run one after the other as the plan lists them; those that are through end, and the next one opens. */
export function waveActions(picture: Picture): Action[] {
  const { waves, plan } = picture.snapshot;
  const actions: Action[] = [];
  for (const [wave, times] of waves.entries()) {
    if (times.endedAt !== null) continue;
    const members = plan.waves[wave]?.hosts ?? [];
    const through = members.every(index => isThroughWave(pictureAt(picture, index)));
    if (times.openedAt !== null) {
      if (through) actions.push({ action: 'endWave', wave });
      return actions;
    }
    const ready = waitOfWave(picture, wave, false) === null;
    // What people are told about gates comes before what follows from them.
    const told = ready ? gateActions(picture, wave) : [];
    if (told.length > 0) return [...actions, ...told];
    const wait = waitOfWave(picture, wave);
    if (wait === null) actions.push({ action: 'openWave', wave });
    // Nobody in it will ever run: it ends unopened, so that a later one that does not need it has its turn.
    else if (through && members.length > 0) actions.push({ action: 'endWave', wave });
    return actions;
  }
  return actions;
}

/** What the first wave that is not open waits for; `passes` where time alone will do. Null where it may open. */
export function waitOfWave(picture: Picture, wave: number, withGates = true): WaveWait | null {
  const { snapshot, now } = picture;
  const { header, waves } = snapshot.plan;
  const name = header.waves[wave]?.name ?? `${wave}`;
  if (snapshot.run.state !== 'running') return { text: `the run is ${snapshot.run.state}`, passes: false };
  if (now < header.window.start) return { text: 'the window has not begun', passes: true };
  if (snapshot.waves.slice(0, wave).some(before => before.endedAt === null)) {
    return { text: 'the wave before has not ended', passes: false };
  }
  for (const need of waves[wave]?.needs ?? []) {
    const times = snapshot.waves[need];
    const needed = header.waves[need];
    if (!times || !needed || times.endedAt === null) return { text: `wave ${name} needs a later one`, passes: false };
    if (times.openedAt === null) return { text: `wave ${needed.name} did not run`, passes: false };
    if (waveHasFailed(picture, need)) return { text: `wave ${needed.name} failed`, passes: false };
    if (now < times.endedAt + needed.soakMs) return { text: `wave ${needed.name} soaks`, passes: true };
  }
  return withGates ? waitAtGates(picture, wave) : null;
}

/** Why a wave has not been opened; null for one that has been, and for one that may be. */
export function whyShut(picture: Picture, wave: number): string | null {
  if (picture.snapshot.waves[wave]?.openedAt) return null;
  return waitOfWave(picture, wave)?.text ?? null;
}

/** Gates that are to be asked now: of the wave that only waits for them. */
export function gatesToAsk(picture: Picture): DueGate[] {
  const wave = currentWave(picture);
  const times = picture.snapshot.waves[wave];
  if (!times || times.openedAt !== null || waitOfWave(picture, wave, false) !== null) return [];
  return dueGates(picture, wave);
}

/** The first wave that has not ended, or -1. */
export const currentWave = (picture: Picture): number =>
  picture.snapshot.waves.findIndex(times => times.endedAt === null);
