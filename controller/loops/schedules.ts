import { every, type Loop, type LoopLog } from './every.ts';

/** Schedules are by the minute; what they find is looked at soon after it has come. */
const ROUND_MS = 15_000;

/** Does what is due: scans and what has come of them, or imports of the landscape. */
export const schedulesLoop = (scheduling: { round(): Promise<void> }, log: LoopLog): Loop =>
  every(ROUND_MS, () => scheduling.round(), { name: 'schedules', log });
