import type { PlannedJob } from './plan-index.ts';
import type { JobSnapshot } from './snapshot.ts';

/** How long a step took that ended well: later plans reckon with it. */
export interface LearnedStep {
  hostId: string;
  /** `package/upgrade`. */
  kind: string;
  /** Name of the bundle. */
  bundle: string;
  durationMs: number;
  endedAt: number;
}

/** A policy says how long these take, or a person does. */
const NOT_LEARNED: ReadonlySet<string> = new Set(['manual/task', 'system/wait']);

/**
 * What a report of a job teaches about its kind of step, in milliseconds; null where that is nothing: it did not end well,
 * how it ended was found out later, or the times cannot be, since a server's clock was set meanwhile. Attempts that failed
 * do not count, nor does the time that they took.
 */
export function lessonOf(
  job: PlannedJob,
  before: Pick<JobSnapshot, 'state' | 'attempt' | 'startedAt'>,
  after: Pick<JobSnapshot, 'state' | 'attempt' | 'endedAt'>,
): number | null {
  if (NOT_LEARNED.has(job.kind) || after.state !== 'succeeded') return null;
  if (before.state !== 'running' || before.attempt !== after.attempt) return null;
  if (before.startedAt === null || after.endedAt === null) return null;
  const took = after.endedAt - before.startedAt;
  // The agent ends every attempt at its timeout.
  return took >= 0 && took <= job.timeoutMs ? took : null;
}
