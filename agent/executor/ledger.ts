import { assert, present } from '@tidemark/shared/base/assert.ts';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { Settled } from '@tidemark/shared/orders/amendment.ts';
import { isOver, isUndo, step as moveStanding, type StandingEvent } from '@tidemark/shared/orders/frontier.ts';
import { decodeOrder, type Job, type Order } from '@tidemark/shared/orders/order.ts';
import type { OutputSummary } from '@tidemark/shared/orders/report.ts';
import type { Journal, JournalWriter, OpenStep } from './journal.ts';
import { eventAfter, type StepEnd } from './next.ts';

/** Which attempt at which job. */
export type Attempt = Pick<OpenStep, 'orderDigest' | 'job' | 'direction' | 'attempt'>;

/** What a step gave besides its end. */
export interface Findings {
  facts: Record<string, unknown> | null;
  output: OutputSummary | null;
}

export const NOTHING_FOUND: Findings = { facts: null, output: null };

/** Every change of an order's standing with the report of it, in the transaction that the caller has open. */
export interface Ledger {
  orderOf(digest: Digest): Order;
  jobOf(attempt: Attempt): Job;
  started(tx: JournalWriter, attempt: Attempt): void;
  ended(tx: JournalWriter, attempt: Attempt, end: StepEnd, findings: Findings): void;
  /** An attempt that could not begin: it counts as one that failed. */
  notBegun(tx: JournalWriter, attempt: Attempt, message: string): void;
  missed(tx: JournalWriter, attempt: Attempt, message: string): void;
  /** Somebody settled it before its turn came. */
  settled(tx: JournalWriter, attempt: Attempt, message: string, by: Settled): void;
  /** An undo with nothing to take back. */
  skipped(tx: JournalWriter, attempt: Attempt, message: string): void;
}

export function createLedger(journal: Journal, clock: Clock): Ledger {
  const orders = new Map<Digest, Order>();

  const orderOf = (digest: Digest): Order => {
    const known = orders.get(digest);
    if (known) return known;
    const decoded = decodeOrder(present(journal.order(digest), 'the order of a step').bytes);
    assert(decoded.ok, 'an order that was accepted can be read');
    orders.set(digest, decoded.value);
    return decoded.value;
  };

  const jobOf = ({ orderDigest, job }: Attempt): Job => present(orderOf(orderDigest).jobs[job], `job ${job}`);

  /** Moves an order on, and says so when that was its end. */
  const move = (tx: JournalWriter, digest: Digest, event: StandingEvent): void => {
    const { standing } = present(journal.order(digest), 'the order that moves');
    const moved = moveStanding(standing, event, orderOf(digest).jobs.length);
    assert(moved.ok, moved.ok ? '' : moved.error);
    tx.setStanding(digest, moved.value);
    if (!isOver(moved.value)) return;
    const direction = isUndo(moved.value) ? 'undo' : 'forward';
    tx.report({ type: 'order-finished', orderDigest: digest, direction }, clock.now());
    orders.delete(digest);
  };

  const report = (
    tx: JournalWriter,
    { orderDigest, job, direction, attempt }: Attempt,
    kind: 'started' | 'succeeded' | 'failed' | 'unknown' | 'missed' | 'skipped',
    message: string,
    findings = NOTHING_FOUND,
  ) => {
    tx.report({ type: 'job', orderDigest, job, direction, attempt, kind, message, ...findings }, clock.now());
  };

  const ended: Ledger['ended'] = (tx, attempt, end, findings) => {
    report(tx, attempt, end.outcome, end.message, findings);
    const { standing } = present(journal.order(attempt.orderDigest), 'the order of a step that ended');
    const used = 'base' in standing ? (standing.base ?? 0) : 0;
    move(tx, attempt.orderDigest, eventAfter(jobOf(attempt), attempt.direction, attempt.attempt - used, end));
  };

  return {
    orderOf,
    jobOf,
    started(tx, attempt) {
      move(tx, attempt.orderDigest, { event: 'start' });
      report(tx, attempt, 'started', '');
    },
    ended,
    notBegun(tx, attempt, message) {
      move(tx, attempt.orderDigest, { event: 'start' });
      ended(tx, attempt, { outcome: 'failed', message }, NOTHING_FOUND);
    },
    missed(tx, attempt, message) {
      // From now on it is past: a clock that is set back does not open the window again.
      tx.raiseTimeFloor(jobOf(attempt).notAfter + 1);
      report(tx, attempt, 'missed', message);
      move(tx, attempt.orderDigest, { event: 'halt', outcome: 'missed' });
    },
    settled(tx, attempt, message, by) {
      report(tx, attempt, by === 'skip' ? 'skipped' : 'succeeded', message);
      move(tx, attempt.orderDigest, { event: 'start' });
      move(tx, attempt.orderDigest, { event: 'pass' });
    },
    skipped(tx, attempt, message) {
      report(tx, attempt, 'skipped', message);
      move(tx, attempt.orderDigest, { event: 'start' });
      move(tx, attempt.orderDigest, { event: 'pass' });
    },
  };
}
