import type { Job } from './order.ts';

/*
 * How long a job takes, as its order says: half of the time at most `expectedMs`, nine times of ten at most this. An
 * order that knows only the first was made where nothing has been learned.
 */

/** What one sees of package upgrades and service restarts on one kind of machine. */
const UNLEARNED = 1.5;

export const p90Of = ({ expectedMs, p90Ms }: Pick<Job, 'expectedMs' | 'p90Ms'>): number =>
  p90Ms ?? Math.ceil(expectedMs * UNLEARNED);
