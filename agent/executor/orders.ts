import { present } from '@tidemark/shared/base/assert.ts';
import { parseJson } from '@tidemark/shared/base/canonical-json.ts';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import { accepted, isOver, isUndo, step } from '@tidemark/shared/orders/frontier.ts';
import { decodeOrder } from '@tidemark/shared/orders/order.ts';
import { orderDigest } from '@tidemark/shared/orders/plan.ts';
import type { Refusal } from '@tidemark/shared/orders/refusal.ts';
import type { OrderStanding, ReportBody } from '@tidemark/shared/orders/report.ts';
import { Dispatch, verifyDispatch } from '@tidemark/shared/signing/dispatch.ts';
import { type Envelope, parseEnvelope } from '@tidemark/shared/signing/dsse.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { ownIdentity } from '../platform/network-target.ts';
import { accept, type Offer } from './accept.ts';
import { amend } from './amend.ts';
import type { Journal } from './journal.ts';
import type { HostPolicy } from './permit.ts';
import type { Reserve } from './reserve.ts';

/** More refusals than this wait for a controller: then it is not listening, and they say nothing new. */
const MAX_WAITING_REFUSALS = 1_000;

export interface OrdersOptions {
  journal: Journal;
  reserve: Reserve;
  hostId: string;
  trustRoot: TrustRoot;
  /** Raw Ed25519: the controller's. */
  dispatchKey: Uint8Array;
  policy: HostPolicy;
  clock: Clock;
}

export interface Orders {
  offer(offer: Offer): void;
  dispatch(envelope: Uint8Array): void;
  /** What a person decided beyond an order. */
  amend(envelope: Uint8Array): void;
  /** Of all orders that are not over. */
  standings(): OrderStanding[];
  /** The time that decides: the clock's, but never before what was already past. */
  now(): number;
}

/** Takes orders and moves their frontiers; what it does not take, it says so in a report. */
export function createOrders(options: OrdersOptions): Orders {
  const { journal, clock } = options;
  const now = () => Math.max(clock.now(), journal.timeFloor());

  const refuse = (body: Extract<ReportBody, { type: 'order-refused' | 'dispatch-refused' | 'amended' }>) => {
    if (journal.unacknowledged() < MAX_WAITING_REFUSALS) journal.write(tx => tx.report(body, clock.now()));
  };

  function dispatch(bytes: Uint8Array): void {
    const envelope = parseEnvelope(bytes);
    if (!envelope.ok) {
      refuse({ type: 'dispatch-refused', orderDigest: null, code: 'bad-signature', message: envelope.error });
      return;
    }
    const verified = verifyDispatch(envelope.value, options.dispatchKey, options.hostId, journal.mark(), now());
    if (verified.ok) act(verified.value);
    else refuseDispatch(envelope.value, verified.error);
  }

  function refuseDispatch(envelope: Envelope, refusal: Refusal): void {
    const claimed = Dispatch.safeParse(parseJson(Buffer.from(envelope.payload, 'base64')));
    const orderDigest = claimed.success ? claimed.data.order : null;
    if (refusal.code === 'expired' && claimed.success) {
      // The signature was good, so this did expire: a clock that is set back must not make it good again.
      const { expiresAt } = claimed.data;
      journal.write(tx => tx.raiseTimeFloor(Math.min(expiresAt, clock.now())));
    }
    refuse({ type: 'dispatch-refused', orderDigest, ...refusal });
  }

  function act(dispatch: Dispatch): void {
    const stored = journal.order(dispatch.order);
    const mark = { epoch: dispatch.epoch, sequence: dispatch.sequence };
    const seen = { mark, floor: Math.min(dispatch.issuedAt, clock.now()) };
    const refused = (code: Refusal['code'], message: string) =>
      journal.write(tx => {
        tx.setMark(seen.mark);
        tx.raiseTimeFloor(seen.floor);
        tx.report({ type: 'dispatch-refused', orderDigest: dispatch.order, code, message }, clock.now());
      });
    if (!stored) {
      refused('unknown-order', 'this server has not taken that order; offer it first');
      return;
    }
    const event =
      dispatch.direction === 'undo'
        ? ({ event: 'undo' } as const)
        : ({ event: 'release', frontier: dispatch.frontier } as const);
    const moved = step(stored.standing, event, lengthOf(stored.bytes));
    if (!moved.ok) {
      refused('not-now', moved.error);
      return;
    }
    const over = isOver(moved.value) && !isOver(stored.standing);
    journal.write(tx => {
      tx.setMark(seen.mark);
      tx.raiseTimeFloor(seen.floor);
      tx.setStanding(stored.digest, moved.value);
      // An undo of an order of which nothing had begun.
      if (over)
        tx.report({ type: 'order-finished', orderDigest: stored.digest, direction: dispatch.direction }, clock.now());
    });
  }

  return {
    offer(offer) {
      const known = journal.order(orderDigest(offer.order));
      const decided = accept(offer, {
        trustRoot: options.trustRoot,
        hostId: options.hostId,
        policy: options.policy,
        self: ownIdentity(),
        acceptedAt: known?.acceptedAt ?? null,
        hasSpace: options.reserve.ready(),
        now: now(),
      });
      if (!decided.ok) {
        const { digest, code, message } = decided.error;
        refuse({ type: 'order-refused', orderDigest: digest, code, message });
        return;
      }
      const { digest, plan } = decided.value;
      const at = clock.now();
      journal.write(tx => {
        tx.addOrder({ digest, plan, bytes: offer.order, acceptedAt: at, standing: accepted() });
        tx.report({ type: 'order-accepted', orderDigest: digest }, at);
      });
    },
    dispatch,
    amend: envelope => amend({ ...options, now, refuse }, envelope),
    standings: () =>
      journal.openStandings().map(({ digest, standing }) => ({
        orderDigest: digest,
        frontier: 'frontier' in standing ? standing.frontier : 0,
        position: 'position' in standing ? Math.max(0, standing.position) : 0,
        direction: isUndo(standing) ? 'undo' : 'forward',
      })),
    now,
  };
}

const lengthOf = (bytes: Uint8Array): number => {
  const order = decodeOrder(bytes);
  return present(order.ok ? order.value.jobs.length : null, 'an order that was accepted and can be read');
};
