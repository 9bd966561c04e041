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
  | ({ state: 'idle'; frontier: number; position: number; attempt: number } & Tried)
  /** `turning`: however it ends, the order is taken back then. What has begun is never cut short. */
  | ({ state: 'running'; frontier: number; position: number; attempt: number; turning?: true } & Tried)
  /** A job failed for good, was missed or is unknown: waits for a person or for the undo, which covers it if `begun`. */
  | ({
      state: 'halted';
      frontier: number;
      position: number;
      begun: boolean;
      outcome: HaltingOutcome;
      /** The one that ended so; 1 in journals that are older than amendments. */
      attempt?: number;
    } & Tried)
  | { state: 'finished'; length: number }
  | { state: 'undo-idle'; position: number; attempt: number; base?: number }
  | { state: 'undo-running'; position: number; attempt: number; base?: number }
  | { state: 'undo-halted'; position: number; outcome: HaltingOutcome; attempt?: number }
  | { state: 'undone' };

/** What is left of earlier passes over the order, where a person had jobs done again. Attempts are never counted anew. */
interface Tried {
  /** Attempts at the job at `position` that were used up before this pass. */
  base?: number;
  /** By position: attempts that were made at jobs that this pass comes to again. */
  tries?: Readonly<Record<string, number>>;
  /** The last job that was ever begun, where that lies behind `position`. */
  reached?: number;
}

export type HaltingOutcome = 'failed' | 'missed' | 'unknown';

export type StandingEvent =
  | { event: 'release'; frontier: number }
  | { event: 'undo' }
  | { event: 'start' }
  /** The job ended well, was not needed, or failed in a way that the order says to go on after. */
  | { event: 'pass' }
  /** It failed and has attempts left. */
  | { event: 'retry' }
  | { event: 'halt'; outcome: HaltingOutcome }
  /** A person has the job at `position` done again, and all after it. */
  | { event: 'again'; position: number }
  /** A person settled by word or by hand what halted the order: it goes on behind it. */
  | { event: 'resolve' };

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
    case 'again':
      return again(standing, event.position);
    case 'resolve':
      return resolve(standing, length);
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

/**
 * `idle | halted | finished -> undo-idle`, beginning with what was done last; `undone` where nothing was begun. `running ->
 * running` until that job has ended.
 */
function undo(standing: Standing): Result<Standing, string> {
  switch (standing.state) {
    case 'idle':
      // A job that is between two attempts has been begun and must be taken back too.
      return ok(undoFrom(lastBegun(standing, standing.attempt > 1)));
    case 'running':
      return ok({ ...standing, turning: true });
    case 'halted':
      return ok(undoFrom(lastBegun(standing, standing.begun)));
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
  if (standing.state === 'running' && standing.turning) return ok(turned(standing));
  if (standing.state === 'running') return ok(behind(standing, standing.attempt, length));
  if (standing.state === 'undo-running') return ok(undoFrom(standing.position - 1));
  return refused(standing, 'passed');
}

/** `running -> idle`, `undo-running -> undo-idle`, with one attempt more. */
function retry(standing: Standing): Result<Standing, string> {
  if (standing.state === 'running' && standing.turning) return ok(turned(standing));
  if (standing.state === 'running') return ok({ ...standing, state: 'idle', attempt: standing.attempt + 1 });
  if (standing.state === 'undo-running') return ok({ ...standing, state: 'undo-idle', attempt: standing.attempt + 1 });
  return refused(standing, 'tried again');
}

/** `idle | running -> halted` (idle: missed before it began), `undo-idle | undo-running -> undo-halted`. */
function halt(standing: Standing, outcome: HaltingOutcome): Result<Standing, string> {
  switch (standing.state) {
    case 'idle':
    case 'running': {
      if (standing.state === 'running' && standing.turning) return ok(turned(standing));
      const { state: _, ...rest } = standing;
      // Missed between two attempts, it has begun all the same.
      const begun = standing.state === 'running' || standing.attempt > 1;
      return ok({ ...rest, state: 'halted', begun, outcome });
    }
    case 'undo-idle':
    case 'undo-running':
      return ok({ state: 'undo-halted', position: standing.position, outcome, attempt: standing.attempt });
    default:
      return refused(standing, 'halted');
  }
}

/** `halted -> idle` at that job or one before it, `undo-halted -> undo-idle` at the job whose undo failed. */
function again(standing: Standing, position: number): Result<Standing, string> {
  if (standing.state === 'undo-halted' && position === standing.position) {
    const base = standing.attempt ?? 1;
    return ok({ state: 'undo-idle', position, attempt: base + 1, base });
  }
  if (standing.state !== 'halted' || position > standing.position || position < 0) {
    return refused(standing, 'done again from that job on');
  }
  const tries: Record<string, number> = { ...standing.tries };
  for (let at = position; at < standing.position; at++) tries[at] = Math.max(1, tries[at] ?? 0);
  tries[standing.position] = standing.attempt ?? 1;
  const base = tries[position] ?? 1;
  const reached = lastBegun(standing, standing.begun);
  const { frontier } = standing;
  return ok({ state: 'idle', frontier, position, attempt: base + 1, base, tries, ...(reached >= 0 && { reached }) });
}

/** `halted -> idle | finished` behind that job, `undo-halted -> undo-idle | undone`. */
function resolve(standing: Standing, length: number): Result<Standing, string> {
  if (standing.state === 'halted') return ok(behind(standing, standing.attempt ?? 1, length));
  if (standing.state === 'undo-halted') return ok(undoFrom(standing.position - 1));
  return refused(standing, 'settled by a person');
}

/** The job after this one is next; what is remembered of earlier passes goes along. */
function behind(
  { frontier, position, tries, reached }: { frontier: number; position: number } & Tried,
  attempt: number,
  length: number,
): Standing {
  const next = position + 1;
  if (next === length) return { state: 'finished', length };
  const made = attempt > 1 ? { ...tries, [position]: attempt } : tries;
  const base = made?.[next] ?? 0;
  return {
    ...{ state: 'idle', frontier, position: next, attempt: base + 1 },
    ...(base > 0 && { base }),
    ...(made && { tries: made }),
    ...(reached !== undefined && reached >= next && { reached }),
  };
}

/** The job that ran when the order was to be taken back has ended: it is the first to be. */
const turned = (standing: { position: number } & Tried): Standing => undoFrom(lastBegun(standing, true));

/** The last job that has to be taken back; -1 where none was begun. */
const lastBegun = ({ position, reached }: { position: number } & Tried, begun: boolean): number =>
  Math.max(reached ?? -1, begun ? position : position - 1);

const undoFrom = (position: number): Standing =>
  position < 0 ? { state: 'undone' } : { state: 'undo-idle', position, attempt: 1 };

const refused = (standing: Standing, what: string) => err(`an order that is ${standing.state} cannot be ${what}`);
