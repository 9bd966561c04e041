import type { Digest } from '@tidemark/shared/base/digest.ts';
import { err, type Result } from '@tidemark/shared/base/result.ts';
import type { InclusionProof } from '@tidemark/shared/merkle/proof.ts';
import { orderDigest } from '@tidemark/shared/orders/plan.ts';
import type { Refusal } from '@tidemark/shared/orders/refusal.ts';
import { type AcceptedOrder, verifyOrder } from '@tidemark/shared/signing/approval.ts';
import { type Envelope, parseEnvelope } from '@tidemark/shared/signing/dsse.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import type { OwnIdentity } from '../platform/network-target.ts';
import { forbidden, type HostPolicy } from './permit.ts';

export interface Offer {
  /** Exactly as they came. */
  order: Uint8Array;
  proof: InclusionProof;
  approvals: readonly Uint8Array[];
}

/** All that decides whether an order is taken. */
export interface AcceptanceGround {
  trustRoot: TrustRoot;
  hostId: string;
  policy: HostPolicy;
  /** What counts as this server for checks over the network. */
  self?: OwnIdentity;
  /** When this very order was taken before, or null. */
  acceptedAt: number | null;
  hasSpace: boolean;
  /** Never before the time floor. */
  now: number;
}

/**
 * Pure: whether this server takes the order, for good. The cheap refusals that need no signature come first only where
 * they tell nobody anything: an order that was taken was verified then.
 */
export function accept(offer: Offer, ground: AcceptanceGround): Result<AcceptedOrder, Refusal & { digest: Digest }> {
  const digest = orderDigest(offer.order);
  const refuse = (refusal: Refusal) => err({ ...refusal, digest });
  if (ground.acceptedAt !== null) {
    return refuse({
      code: 'already-accepted',
      message: `this order was taken at ${new Date(ground.acceptedAt).toISOString()}; an order is taken once`,
    });
  }
  const verified = verifyOrder(
    { bytes: offer.order, proof: offer.proof, approvals: readEnvelopes(offer.approvals) },
    ground.trustRoot,
    ground.hostId,
    ground.now,
  );
  if (!verified.ok) return refuse(verified.error);
  const { order } = verified.value;
  const last = Math.max(...order.jobs.map(job => job.notAfter));
  if (ground.now > last) {
    return refuse({
      code: 'expired',
      message: `nothing in the order may start after ${new Date(last).toISOString()}; plan it anew`,
    });
  }
  const why = forbidden(order, ground.policy, ground.self);
  if (why !== null) return refuse({ code: 'not-permitted', message: why });
  if (!ground.hasSpace) {
    return refuse({
      code: 'no-space',
      message: "the agent's state directory is full: results could not be recorded; free some space and offer it again",
    });
  }
  return verified;
}

/** What is no envelope cannot approve anything; verifyOrder says how many are missing. */
function readEnvelopes(approvals: readonly Uint8Array[]): Envelope[] {
  const envelopes: Envelope[] = [];
  for (const bytes of approvals) {
    const envelope = parseEnvelope(bytes);
    if (envelope.ok) envelopes.push(envelope.value);
  }
  return envelopes;
}
