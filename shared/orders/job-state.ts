import { z } from 'zod';

/** How far a job came. The six after `running` are ends. */
export const JobState = z.enum([
  'pending',
  'released',
  'running',
  'succeeded',
  'failed',
  'missed',
  'unknown',
  'skipped',
  'cancelled',
]);
export type JobState = z.infer<typeof JobState>;

/** What happened to a job, as events, reports and the wire say it. */
export const JobEventKind = z.enum([
  'released',
  'started',
  'succeeded',
  'failed',
  'missed',
  'unknown',
  'skipped',
  'cancelled',
]);
export type JobEventKind = z.infer<typeof JobEventKind>;

export const Direction = z.enum(['forward', 'undo']);
export type Direction = z.infer<typeof Direction>;

const ENDED: ReadonlySet<JobState> = new Set(['succeeded', 'failed', 'missed', 'unknown', 'skipped', 'cancelled']);

export const hasEnded = (state: JobState): boolean => ENDED.has(state);

/** Ended so that what comes after it may go on. */
export const endedWell = (state: JobState): boolean => state === 'succeeded' || state === 'skipped';

/** What nobody can vouch for counts as failed: silence and doubt are no success. */
export const countsAsFailed = (state: JobState): boolean =>
  state === 'failed' || state === 'unknown' || state === 'missed';
