import type { HaltingOutcome } from '@tidemark/shared/orders/frontier.ts';
import { endedWell, type JobState } from '@tidemark/shared/orders/job-state.ts';
import type { IndexedHost, PlannedJob } from './plan-index.ts';
import type { HostSnapshot, JobSnapshot } from './snapshot.ts';

/**
 * How far a host is, read from its jobs at each tick and stored nowhere. README.md has the table of what each phase
 * means for budgets, limits and the end of the run.
 */
export type Phase =
  /** Nothing was released. */
  | { is: 'waiting' }
  /** The agent did not take the order: nothing will run. */
  | { is: 'refused'; because: string }
  /** Given up before it began. */
  | { is: 'never'; as: 'missed' | 'cancelled' }
  /** Begun. `position` is the first job that has not been passed; at the frontier it stands at a hold point. */
  | { is: 'working'; position: number; atHold: boolean }
  /** A job has ended badly, for good. */
  | { is: 'halted'; position: number; outcome: HaltingOutcome }
  /** The same, and the policy says to leave it at that. */
  | { is: 'skipped'; position: number; outcome: HaltingOutcome }
  | { is: 'done' }
  | { is: 'undoing' }
  | { is: 'undone' }
  | { is: 'undo-failed'; position: number; outcome: HaltingOutcome };

/** `job` is over and what comes after it on its host may go on. */
function isPassed(planned: PlannedJob, job: JobSnapshot): boolean {
  if (endedWell(job.state)) return true;
  // What was given up has not failed: nothing of it has run.
  return planned.onFailure === 'continue' && job.state === 'failed' && haltOf(planned, job) === 'failed';
}

/** The outcome where a job ended badly and will not be tried again, else null. */
export function haltOf(planned: PlannedJob, job: JobSnapshot): HaltingOutcome | null {
  if (job.state === 'missed' || job.state === 'unknown') return job.state;
  if (job.state === 'cancelled') return 'failed';
  return job.state === 'failed' && job.attempt >= job.spent + planned.attempts ? 'failed' : null;
}

/** In this pass over the order: what a person has set back is to be done again. */
const hasBegun = (job: JobSnapshot): boolean => job.attempt > job.spent;
const isOpen = (state: JobState): boolean => state === 'pending' || state === 'released';

/**
 * The first job that has not been passed; the number of jobs where all have. An agent runs in order, so whatever lies
 * before a job that began has been passed, also where the report of it was lost with an old database.
 */
export function positionOf(plan: IndexedHost, host: HostSnapshot): number {
  let position = 0;
  for (let at = host.jobs.length - 1; at > 0; at--) {
    const job = host.jobs[at];
    if (job && hasBegun(job)) {
      position = at;
      break;
    }
  }
  for (; position < plan.jobs.length; position++) {
    const planned = plan.jobs[position];
    const job = host.jobs[position];
    if (!planned || !job || !isPassed(planned, job)) break;
  }
  return position;
}

export function phaseOf(plan: IndexedHost, host: HostSnapshot): Phase {
  if (host.direction === 'undo') return undoPhase(plan, host);
  const position = positionOf(plan, host);
  const planned = plan.jobs[position];
  const job = host.jobs[position];
  if (!planned || !job) return { is: 'done' };
  if (host.refusal !== null && host.acceptedAt === null && !hasBegun(job)) {
    return { is: 'refused', because: host.refusal };
  }
  if (host.frontier === 0 && !hasBegun(job) && (job.state === 'missed' || job.state === 'cancelled')) {
    return { is: 'never', as: job.state };
  }
  const outcome = haltOf(planned, job);
  if (outcome !== null) {
    const left = host.jobs.some((later, at) => at > position && isOpen(later.state));
    return { is: isLeft(planned, outcome) && !left ? 'skipped' : 'halted', position, outcome };
  }
  if (host.frontier === 0) return { is: 'waiting' };
  return { is: 'working', position, atHold: position >= host.frontier };
}

/** Whether the policy leaves the host as it is after this. What is unknown is nobody's to leave: a person looks. */
const isLeft = (planned: PlannedJob, outcome: HaltingOutcome): boolean =>
  planned.onFailure === 'skip-host' && outcome !== 'unknown';

function undoPhase(plan: IndexedHost, host: HostSnapshot): Phase {
  if (host.endedAt !== null) return { is: 'undone' };
  for (const [position, job] of host.undo) {
    const planned = plan.jobs[position];
    const outcome = planned ? haltOf(planned, job) : null;
    if (outcome !== null) return { is: 'undo-failed', position, outcome };
  }
  return { is: 'undoing' };
}

/** What becomes of a host whose job ended badly: as the policy says, but what is unknown asks a person. */
export function reactionTo(planned: PlannedJob, outcome: HaltingOutcome): 'undo-host' | 'hold' | 'skip-host' {
  if (outcome === 'unknown') return 'hold';
  // "continue" covers a failure; a job that could not even start in time leaves nothing to go on with.
  return planned.onFailure === 'continue' ? 'hold' : planned.onFailure;
}
