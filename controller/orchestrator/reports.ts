import { hasEnded, type JobEventKind, type JobState } from '@tidemark/shared/orders/job-state.ts';
import type { JobSnapshot } from './snapshot.ts';

/** What an agent says of a job. */
export interface JobReport {
  attempt: number;
  kind: Exclude<JobEventKind, 'released'>;
  message: string;
  at: number;
}

const RANK: Record<JobState, number> = {
  pending: 0,
  released: 1,
  running: 2,
  succeeded: 3,
  failed: 3,
  missed: 3,
  unknown: 3,
  skipped: 3,
  cancelled: 3,
};

/**
 * The job after a report, or null where the report says nothing new: an attempt that is over, or a state that was left
 * behind. So any repetition and any order of the same reports ends in the same state.
 */
export function afterReport(job: JobSnapshot, report: JobReport): JobSnapshot | null {
  const state = report.kind === 'started' ? 'running' : report.kind;
  // Attempts before the last decision of a person are history.
  if (report.attempt < job.attempt || report.attempt <= job.spent) return null;
  if (report.attempt === job.attempt && !goesOn(job.state, state)) return null;
  const isNewAttempt = report.attempt > job.attempt;
  return {
    state,
    attempt: report.attempt,
    spent: job.spent,
    message: report.message,
    startedAt: state === 'running' ? report.at : isNewAttempt ? null : job.startedAt,
    endedAt: hasEnded(state) ? report.at : null,
  };
}

/** Within one attempt: forwards, or from "nobody can say" to what was found out. */
function goesOn(from: JobState, to: JobState): boolean {
  if (from === 'unknown') return to !== 'unknown' && hasEnded(to);
  return RANK[to] > RANK[from];
}
