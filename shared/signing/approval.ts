import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson, parseJson } from '../base/canonical-json.ts';
import { type Digest, digestFromBytes } from '../base/digest.ts';
import { err, ok, type Result } from '../base/result.ts';
import { type InclusionProof, rootFromProof } from '../merkle/proof.ts';
import { DigestText } from '../orders/arguments.ts';
import { decodeOrder, type Order } from '../orders/order.ts';
import { orderDigest } from '../orders/plan.ts';
import type { Refusal } from '../orders/refusal.ts';
import { classOf, kindsOf, type StepClass } from '../orders/step-kinds.ts';
import { type Envelope, PayloadType, signEnvelope, verifyEnvelope } from './dsse.ts';
import { type Approver, approversOf, type TrustRoot } from './trust-root.ts';

/** "I have seen this plan and it may run": what an approver signs. */
export const Approval = z.strictObject({
  format: z.literal('tidemark/approval/v1'),
  fleet: z.string().min(1),
  plan: DigestText,
  /** The plan as a whole, or one wave of it. */
  gate: z.union([z.literal('plan'), z.string().regex(/^wave\/.+$/)]),
  approvedAt: z.int().min(0),
  /** After this it does not count any more. */
  expiresAt: z.int().min(0),
});
export type Approval = z.infer<typeof Approval>;

export const signApproval = (approval: Approval, key: KeyObject): Envelope =>
  signEnvelope(PayloadType.approval, Buffer.from(canonicalJson(approval), 'utf8'), [key]);

/** Who approved the plan `plan`, or a wave of it, with this envelope. One for a wave is none for the plan. */
export function verifyApproval(
  envelope: Envelope,
  root: TrustRoot,
  plan: Digest,
  now: number,
  gate = 'plan',
): Result<{ approval: Approval; approvers: Approver[] }, string> {
  const verified = verifyEnvelope(envelope, PayloadType.approval, approversOf(root));
  if (!verified.ok) return verified;
  const parsed = Approval.safeParse(parseJson(verified.value.payload));
  if (!parsed.success) return err('the approval does not fit its schema');
  const approval = parsed.data;
  if (approval.fleet !== root.fleet) return err(`the approval is for fleet ${approval.fleet}`);
  if (approval.plan !== plan) return err(`the approval is for plan ${approval.plan}`);
  if (approval.gate !== gate) return err(`the approval is for ${approval.gate}, not for ${gate}`);
  if (now >= approval.expiresAt) return err(`the approval expired at ${new Date(approval.expiresAt).toISOString()}`);
  return ok({ approval, approvers: verified.value.signedBy });
}

export interface OfferedOrder {
  /** Exactly as they arrived. */
  bytes: Uint8Array;
  proof: InclusionProof;
  approvals: readonly Envelope[];
}

export interface AcceptedOrder {
  order: Order;
  digest: Digest;
  plan: Digest;
}

/**
 * Whether this server may ever run this order: it is for this host, a leaf of an approved plan, and enough approvers
 * who may approve such steps signed for it. Windows and what the server's own policy permits are checked beside this.
 */
export function verifyOrder(
  offer: OfferedOrder,
  root: TrustRoot,
  hostId: string,
  now: number,
): Result<AcceptedOrder, Refusal> {
  const rootBytes = rootFromProof(offer.bytes, offer.proof);
  if (!rootBytes) return refuse('bad-proof', 'the inclusion proof does not lead to a plan');
  const plan = digestFromBytes(rootBytes);
  const approvers = distinctApprovers(offer.approvals, root, plan, now);
  if (!approvers.ok) return approvers;
  const decoded = decodeOrder(offer.bytes);
  if (!decoded.ok) return refuse('bad-order', decoded.error);
  const order = decoded.value;
  if (order.fleet !== root.fleet)
    return refuse('wrong-fleet', `the order is for fleet ${order.fleet}, this server is in ${root.fleet}`);
  if (order.host.id !== hostId) return refuse('wrong-host', `the order is for ${order.host.name} (${order.host.id})`);
  for (const stepClass of classesIn(order)) {
    const need = root.thresholds[stepClass];
    const have = approvers.value.filter(approver => approver.classes.includes(stepClass)).length;
    if (have < need) {
      return refuse(
        'not-approved',
        `steps of class ${stepClass} need ${need} approvals, the order has ${have} that count`,
      );
    }
  }
  return ok({ order, digest: orderDigest(offer.bytes), plan });
}

function distinctApprovers(
  envelopes: readonly Envelope[],
  root: TrustRoot,
  plan: Digest,
  now: number,
): Result<Approver[], Refusal> {
  const approvers = new Map<string, Approver>();
  let why = 'it carries no approval';
  for (const envelope of envelopes) {
    const verified = verifyApproval(envelope, root, plan, now);
    if (!verified.ok) why = verified.error;
    else for (const approver of verified.value.approvers) approvers.set(approver.publicKey.toString('hex'), approver);
  }
  return approvers.size > 0 ? ok([...approvers.values()]) : refuse('not-approved', `the order is not approved: ${why}`);
}

function classesIn(order: Order): Set<StepClass> {
  const classes = new Set<StepClass>();
  for (const job of order.jobs) {
    for (const call of job.undo ? [job.call, job.undo] : [job.call])
      for (const kind of kindsOf(call)) classes.add(classOf(kind));
  }
  return classes;
}

const refuse = (code: Refusal['code'], message: string) => err({ code, message });
