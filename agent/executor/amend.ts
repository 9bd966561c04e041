import { present } from '@tidemark/shared/base/assert.ts';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import type { Settled } from '@tidemark/shared/orders/amendment.ts';
import { isOver, isUndo, type Standing, type StandingEvent, step } from '@tidemark/shared/orders/frontier.ts';
import { decodeOrder, type Order } from '@tidemark/shared/orders/order.ts';
import type { Refusal } from '@tidemark/shared/orders/refusal.ts';
import type { ReportBody } from '@tidemark/shared/orders/report.ts';
import {
  amendmentDigest,
  readAmendment,
  type VerifiedAmendment,
  verifyAmendment,
} from '@tidemark/shared/signing/amendment.ts';
import { type Envelope, parseEnvelope } from '@tidemark/shared/signing/dsse.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import type { Journal, StoredAmendment, StoredOrder } from './journal.ts';

/** What an amendment does to an order: at once, by moving it, or once it comes to the job. */
export type Effect = { moves: StandingEvent } | { waits: true };

/** Pure: what follows from a decision where the order stands now, or why it cannot be now. */
export function effectOf(
  { action, job }: { action: StoredAmendment['action']; job: number | null },
  standing: Standing,
): Result<Effect, string> {
  if (action === 'undo') return ok({ moves: { event: 'undo' } });
  const position = present(job, 'the position of the job that an amendment is about');
  if (action === 'retry') return ok({ moves: { event: 'again', position } });
  if (standing.state === 'halted' || standing.state === 'undo-halted') {
    if (position === standing.position) return ok({ moves: { event: 'resolve' } });
  }
  const isAhead =
    (standing.state === 'idle' && position >= standing.position) ||
    ((standing.state === 'running' || standing.state === 'halted') && position > standing.position);
  return isAhead ? ok({ waits: true }) : err(`the order is ${standing.state} and not before that job`);
}

/** What people decided about jobs that the order has not come to. The last word counts. */
export function settledJobs(amendments: readonly StoredAmendment[]): ReadonlyMap<number, StoredAmendment> {
  const settled = new Map<number, StoredAmendment>();
  for (const amendment of amendments) {
    if (amendment.job === null) continue;
    if (amendment.action === 'retry') {
      // Done again from there on: what was settled at or behind it before is to be run after all.
      for (const position of [...settled.keys()]) if (position >= amendment.job) settled.delete(position);
    } else settled.set(amendment.job, amendment);
  }
  return settled;
}

/** For the record of a job that was not run. */
export const settledMessage = ({ action, by, reason }: StoredAmendment): string =>
  `${action === ('skip' satisfies Settled) ? 'skipped' : 'done by hand'}, says ${by}: ${reason}`;

export interface AmendOptions {
  journal: Journal;
  hostId: string;
  trustRoot: TrustRoot;
  clock: Clock;
  /** Never before the time floor. */
  now(): number;
  /** Puts a report of something that was not taken; dropped where nobody listens any more. */
  refuse(body: Extract<ReportBody, { type: 'amended' }>): void;
}

/** Takes what people decided, once and for good, and says what became of it. */
export function amend(options: AmendOptions, bytes: Uint8Array): void {
  const envelope = parseEnvelope(bytes);
  const claimed = envelope.ok ? readAmendment(envelope.value) : envelope;
  // Without an order that it is about there is nobody to tell.
  if (!envelope.ok || !claimed.ok) return;
  const stored = options.journal.order(claimed.value.order);
  const order = stored ? orderIn(stored.bytes) : null;
  const answer =
    stored && order
      ? take(options, { bytes, envelope: envelope.value, stored, order })
      : { code: 'unknown-order' as const, message: 'this server has not taken that order; offer it first' };
  if (answer === 'recorded') return;
  const at = order?.jobs.findIndex(({ id }) => id === claimed.value.job) ?? -1;
  options.refuse({
    type: 'amended',
    orderDigest: claimed.value.order,
    amendment: amendmentDigest(envelope.value),
    action: claimed.value.action,
    job: at < 0 ? null : at,
    refused: answer === 'known' ? null : answer,
  });
}

/** Records it and moves the order; `known` where that was done before: the answer was lost, and it stands. */
function take(
  options: AmendOptions,
  { bytes, envelope, stored, order }: { bytes: Uint8Array; envelope: Envelope; stored: StoredOrder; order: Order },
): 'recorded' | 'known' | Refusal {
  const { journal, clock } = options;
  const orderDigest = stored.digest;
  if (journal.amendment(amendmentDigest(envelope))) return 'known';
  const verified = verify(options, envelope, orderDigest, order);
  if (!verified.ok) return verified.error;
  const { position: job, by, amendment, digest } = verified.value;
  const { action, reason } = amendment;
  const effect = effectOf({ action, job }, stored.standing);
  const moved = effect.ok ? movedBy(effect.value, stored.standing, order.jobs.length) : effect;
  if (!moved.ok) return { code: 'not-now', message: moved.error };
  const steps = journal.steps(orderDigest);
  const hadBegun = steps.some(step => step.job === job && step.direction === 'forward');
  const acceptedAt = clock.now();
  journal.write(tx => {
    tx.addAmendment({
      digest,
      orderDigest,
      action,
      job,
      hadBegun,
      by: by.join(', '),
      reason,
      envelope: bytes,
      acceptedAt,
    });
    tx.setStanding(orderDigest, moved.value);
    tx.report({ type: 'amended', orderDigest, amendment: digest, action, job, refused: null }, acceptedAt);
    if (isOver(moved.value) && !isOver(stored.standing)) {
      const direction = isUndo(moved.value) ? 'undo' : 'forward';
      tx.report({ type: 'order-finished', orderDigest, direction }, acceptedAt);
    }
  });
  return 'recorded';
}

const verify = (
  { trustRoot, hostId, now }: AmendOptions,
  envelope: Envelope,
  digest: VerifiedAmendment['digest'],
  order: Order,
): Result<VerifiedAmendment, Refusal> => verifyAmendment(envelope, trustRoot, { hostId, digest, order }, now());

const movedBy = (effect: Effect, standing: Standing, length: number): Result<Standing, string> =>
  'moves' in effect ? step(standing, effect.moves, length) : ok(standing);

function orderIn(bytes: Uint8Array): Order {
  const decoded = decodeOrder(bytes);
  return present(decoded.ok ? decoded.value : null, 'an order that was accepted and can be read');
}
