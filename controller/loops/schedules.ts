import { every, type Loop, type LoopLog } from './every.ts';

/** Schedules are by the minute; what they find is looked at soon after it has come. */
const ROUND_MS = 15_000;

/** Asks for the scans that are due, and looks at what has come of them. */
export const schedulesLoop = (scheduling: { round(): Promise<void> }, log: LoopLog): Loop =>
  every(ROUND_MS, () => scheduling.round(), { name: 'schedules', log });
