import { every, type Loop, type LoopLog } from './every.ts';

/** Agents look around every few minutes: who is in a group need not be known sooner than a minute later. */
const ROUND_MS = 60_000;

/** Looks who is in which group, so that it can be said since when and why. */
export const groupsLoop = (queries: { round(): Promise<number> }, log: LoopLog): Loop =>
  every(ROUND_MS, () => queries.round().then(() => undefined), { name: 'groups', log });
