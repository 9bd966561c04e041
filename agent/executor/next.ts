import { present } from '@tidemark/shared/base/assert.ts';
import type { Settled } from '@tidemark/shared/orders/amendment.ts';
import { runnable, type Standing, type StandingEvent } from '@tidemark/shared/orders/frontier.ts';
import type { Direction } from '@tidemark/shared/orders/job-state.ts';
import type { Job, Order } from '@tidemark/shared/orders/order.ts';
import { type Call, isIdempotent } from '@tidemark/shared/orders/step-kinds.ts';
import { settledMessage } from './amend.ts';
import type { StoredAmendment } from './journal.ts';

/** What an order wants done now. */
export type Next =
  /** Nothing, until a message or the end of a step changes where it stands. */
  | { next: 'nothing' }
  /** Its window has not opened. */
  | { next: 'wait'; until: number }
  | { next: 'start'; job: number; direction: Direction; attempt: number; call: Call; timeoutMs: number }
  /** Too late: it halts. */
  | { next: 'missed'; job: number; attempt: number; message: string }
  /** Somebody settled it before its turn came: it is not run. */
  | { next: 'settled'; job: number; attempt: number; by: Settled; message: string }
  /** An undo of something that cannot be taken back or does not need it. */
  | { next: 'skipped'; job: number; attempt: number; message: string };

/** Pure. `now` is never before the time floor. An undo has no window: what is half done must be taken back. */
export function nextOf(
  order: Order,
  standing: Standing,
  now: number,
  settled: ReadonlyMap<number, StoredAmendment> = new Map(),
): Next {
  const position = runnable(standing);
  if (position === null) return { next: 'nothing' };
  const job = present(order.jobs[position], `job ${position}`);
  const word = settled.get(position);
  if (standing.state === 'idle' && word) {
    const { attempt } = standing;
    return { next: 'settled', job: position, attempt, by: word.action as Settled, message: settledMessage(word) };
  }
  if (standing.state === 'idle') return forward(job, position, standing.attempt, now);
  if (standing.state !== 'undo-idle') return { next: 'nothing' };
  const { attempt } = standing;
  if (word?.action === 'skip' && !word.hadBegun) {
    return { next: 'skipped', job: position, attempt, message: `it was not run: ${settledMessage(word)}` };
  }
  if (!job.undo) return { next: 'skipped', job: position, attempt, message: 'there is nothing to take back' };
  return { next: 'start', job: position, direction: 'undo', attempt, call: job.undo, timeoutMs: job.timeoutMs };
}

function forward(job: Job, position: number, attempt: number, now: number): Next {
  if (now > job.notAfter) {
    const message = `it may not start after ${new Date(job.notAfter).toISOString()}, and it is ${new Date(now).toISOString()}`;
    return { next: 'missed', job: position, attempt, message };
  }
  if (now < job.notBefore) return { next: 'wait', until: job.notBefore };
  return { next: 'start', job: position, direction: 'forward', attempt, call: job.call, timeoutMs: job.timeoutMs };
}

/** How a step ended. */
export interface StepEnd {
  outcome: 'succeeded' | 'failed' | 'unknown';
  message: string;
}

/** How a step's own word counts: something that may happen once and was cut off in the middle is in doubt. */
export function judge(
  call: Call,
  result: { outcome: 'succeeded' | 'failed'; timedOut: boolean; message: string },
): StepEnd {
  if (result.timedOut && !isIdempotent(call.kind)) {
    const message = `${result.message}; how far it came must be found out on the server`;
    return { outcome: 'unknown', message };
  }
  return { outcome: result.outcome, message: result.message };
}

/**
 * Pure: what the end of a step does to the standing. A failed attempt that has others left is tried again; doubt never
 * is, and no `continue` goes past it. `attempt` counts from 1 since the order was begun or a person granted more.
 */
export function eventAfter(job: Job, direction: Direction, attempt: number, end: StepEnd): StandingEvent {
  if (end.outcome === 'succeeded') return { event: 'pass' };
  if (end.outcome === 'unknown') return { event: 'halt', outcome: 'unknown' };
  if (attempt <= job.retries.max) return { event: 'retry' };
  if (direction === 'forward' && job.onFailure === 'continue') return { event: 'pass' };
  return { event: 'halt', outcome: 'failed' };
}
