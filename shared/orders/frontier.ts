import { unreachable } from '../base/assert.ts';
import { err, ok, type Result } from '../base/result.ts';

/**
 * Where an agent stands with one order. The controller moves `frontier` (forwards only) or, once, the direction; all
 * else is the agent's own. Every transition is one case of {@link step}; what a state does not list is refused.
 *
 * `position` is the job that is next (forward: the lowest not ended; undo: the highest not taken back, -1 at the end).
 */
export type Standing =
  /** Nothing runs. Where `position < frontier` the next job may start. */
  | { state: 'idle'; frontier: number; position: number; attempt: number }
  | { state: 'running'; frontier: number; position: number; attempt: number }
  /** A job failed for good, was missed or is unknown: waits for a person or for the undo, which covers it if `begun`. */
  | { state: 'halted'; frontier: number; position: number; begun: boolean; outcome: HaltingOutcome }
  | { state: 'finished'; length: number }
  | { state: 'undo-idle'; position: number; attempt: number }
  | { state: 'undo-running'; position: number; attempt: number }
  | { state: 'undo-halted'; position: number; outcome: HaltingOutcome }
  | { state: 'undone' };

export type HaltingOutcome = 'failed' | 'missed' | 'unknown';

export type StandingEvent =
  | { event: 'release'; frontier: number }
  | { event: 'undo' }
  | { event: 'start' }
  /** The job ended well, was not needed, or failed in a way that the order says to go on after. */
  | { event: 'pass' }
  /** It failed and has attempts left. */
  | { event: 'retry' }
  | { event: 'halt'; outcome: HaltingOutcome };

export const accepted = (): Standing => ({ state: 'idle', frontier: 0, position: 0, attempt: 1 });

/** `Standing x StandingEvent -> Standing`, for an order of `length` jobs; the error says why the event cannot be now. */
export function step(standing: Standing, event: StandingEvent, length: number): Result<Standing, string> {
  switch (event.event) {
    case 'release':
      return release(standing, Math.min(event.frontier, length));
    case 'undo':
      return undo(standing);
    case 'start':
      return start(standing);
    case 'pass':
      return pass(standing, length);
    case 'retry':
      return retry(standing);
    case 'halt':
      return halt(standing, event.outcome);
    default:
      return unreachable(event);
  }
}

/** What may start now: a position, or null where the order waits. */
export function runnable(standing: Standing): number | null {
  if (standing.state === 'idle') return standing.position < standing.frontier ? standing.position : null;
  return standing.state === 'undo-idle' ? standing.position : null;
}

export const isUndo = (standing: Standing): boolean =>
  standing.state.startsWith('undo-') || standing.state === 'undone';

export const isOver = (standing: Standing): boolean => standing.state === 'finished' || standing.state === 'undone';

/** `idle | running | halted -> same`, with a frontier that is never lower. */
function release(standing: Standing, frontier: number): Result<Standing, string> {
  switch (standing.state) {
    case 'idle':
    case 'running':
    case 'halted':
      return ok({ ...standing, frontier: Math.max(standing.frontier, frontier) });
    case 'finished':
      return ok(standing);
    default:
      return refused(standing, 'released further');
  }
}

/** `idle | halted | finished -> undo-idle`, beginning with what was done last; `undone` where nothing was begun. */
function undo(standing: Standing): Result<Standing, string> {
  switch (standing.state) {
    case 'idle':
      // A job that is between two attempts has been begun and must be taken back too.
      return ok(undoFrom(standing.attempt > 1 ? standing.position : standing.position - 1));
    case 'halted':
      return ok(undoFrom(standing.begun ? standing.position : standing.position - 1));
    case 'finished':
      return ok(undoFrom(standing.length - 1));
    case 'undo-idle':
    case 'undo-running':
    case 'undone':
      return ok(standing);
    default:
      return refused(standing, 'undone');
  }
}

/** `idle -> running`, `undo-idle -> undo-running`. */
function start(standing: Standing): Result<Standing, string> {
  if (runnable(standing) === null) return refused(standing, 'started');
  if (standing.state === 'idle') return ok({ ...standing, state: 'running' });
  if (standing.state === 'undo-idle') return ok({ ...standing, state: 'undo-running' });
  return refused(standing, 'started');
}

/** `running -> idle | finished`, `undo-running -> undo-idle | undone`. */
function pass(standing: Standing, length: number): Result<Standing, string> {
  if (standing.state === 'running') {
    const position = standing.position + 1;
    return ok(
      position === length
        ? { state: 'finished', length }
        : { state: 'idle', frontier: standing.frontier, position, attempt: 1 },
    );
  }
  if (standing.state === 'undo-running') return ok(undoFrom(standing.position - 1));
  return refused(standing, 'passed');
}

/** `running -> idle`, `undo-running -> undo-idle`, with one attempt more. */
function retry(standing: Standing): Result<Standing, string> {
  if (standing.state === 'running') return ok({ ...standing, state: 'idle', attempt: standing.attempt + 1 });
  if (standing.state === 'undo-running') return ok({ ...standing, state: 'undo-idle', attempt: standing.attempt + 1 });
  return refused(standing, 'tried again');
}

/** `idle | running -> halted` (idle: missed before it began), `undo-idle | undo-running -> undo-halted`. */
function halt(standing: Standing, outcome: HaltingOutcome): Result<Standing, string> {
  switch (standing.state) {
    case 'idle':
    case 'running': {
      const { frontier, position } = standing;
      // Missed between two attempts, it has begun all the same.
      const begun = standing.state === 'running' || standing.attempt > 1;
      return ok({ state: 'halted', frontier, position, begun, outcome });
    }
    case 'undo-idle':
    case 'undo-running':
      return ok({ state: 'undo-halted', position: standing.position, outcome });
    default:
      return refused(standing, 'halted');
  }
}

const undoFrom = (position: number): Standing =>
  position < 0 ? { state: 'undone' } : { state: 'undo-idle', position, attempt: 1 };

const refused = (standing: Standing, what: string) => err(`an order that is ${standing.state} cannot be ${what}`);
