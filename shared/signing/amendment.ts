import type { KeyObject } from 'node:crypto';
import { canonicalJson, parseJson } from '../base/canonical-json.ts';
import { type Digest, digestOf } from '../base/digest.ts';
import { err, ok, type Result } from '../base/result.ts';
import { Amendment, classesOf } from '../orders/amendment.ts';
import type { Order } from '../orders/order.ts';
import type { Refusal } from '../orders/refusal.ts';
import { MAX_CLOCK_SKEW_MS } from './dispatch.ts';
import { type Envelope, PayloadType, signEnvelope, verifyEnvelope } from './dsse.ts';
import { approversOf, type TrustRoot } from './trust-root.ts';

/** A decision is about what somebody saw; a day later it is about something else. */
export const MAX_AMENDMENT_LIFE_MS = 24 * 60 * 60 * 1000;

export const signAmendment = (amendment: Amendment, keys: readonly KeyObject[]): Envelope =>
  signEnvelope(PayloadType.amendment, Buffer.from(canonicalJson(amendment), 'utf8'), keys);

/** By what it is known: the digest of what was signed, whoever signed it. */
export const amendmentDigest = (envelope: Envelope): Digest => digestOf(Buffer.from(envelope.payload, 'base64'));

/** What an envelope says, before anybody has verified who said it. */
export function readAmendment(envelope: Envelope): Result<Amendment, string> {
  const parsed = Amendment.safeParse(parseJson(Buffer.from(envelope.payload, 'base64')));
  if (!parsed.success) return err('the amendment does not fit its schema');
  const { action, job } = parsed.data;
  if ((job === null) !== (action === 'undo')) return err(`to ${action} is about ${job === null ? 'a job' : 'a host'}`);
  return ok(parsed.data);
}

export interface VerifiedAmendment {
  amendment: Amendment;
  digest: Digest;
  /** Of the job in the order; null where it is about the whole host. */
  position: number | null;
  /** Names, as the trust root has them. */
  by: string[];
}

/**
 * Whether this is a decision about this very order by people who may make it: as many as the trust root asks for each
 * class of step that it makes run or lets pass, and at least one.
 */
export function verifyAmendment(
  envelope: Envelope,
  root: TrustRoot,
  about: { hostId: string; digest: Digest; order: Order },
  now: number,
): Result<VerifiedAmendment, Refusal> {
  const verified = verifyEnvelope(envelope, PayloadType.amendment, approversOf(root));
  if (!verified.ok) return refuse('not-approved', `nobody who may decide signed it: ${verified.error}`);
  const read = readAmendment(envelope);
  if (!read.ok) return refuse('bad-order', read.error);
  const amendment = read.value;
  if (amendment.fleet !== root.fleet) return refuse('wrong-fleet', `it is for fleet ${amendment.fleet}`);
  if (amendment.host !== about.hostId) return refuse('wrong-host', `it is for host ${amendment.host}`);
  if (amendment.order !== about.digest) return refuse('unknown-order', `it is for order ${amendment.order}`);
  const life = amendment.expiresAt - amendment.issuedAt;
  if (life > MAX_AMENDMENT_LIFE_MS) return refuse('expired', 'it claims to count longer than a day');
  if (amendment.issuedAt > now + MAX_CLOCK_SKEW_MS)
    return refuse('expired', `it is from ${new Date(amendment.issuedAt).toISOString()}, which is to come`);
  if (now >= amendment.expiresAt)
    return refuse('expired', `it expired at ${new Date(amendment.expiresAt).toISOString()}: decide anew`);
  const position = amendment.job === null ? null : about.order.jobs.findIndex(job => job.id === amendment.job);
  if (position === -1) return refuse('bad-order', `the order has no job ${amendment.job}`);
  const missing = missingFor(verified.value.signedBy, root, about.order, amendment, position);
  if (missing !== null) return refuse('not-approved', missing);
  const by = verified.value.signedBy.map(approver => approver.name);
  return ok({ amendment, digest: amendmentDigest(envelope), position, by });
}

function missingFor(
  signedBy: readonly { classes: readonly string[] }[],
  root: TrustRoot,
  order: Order,
  { action }: Amendment,
  position: number | null,
): string | null {
  for (const stepClass of classesOf(order, action, position)) {
    // Also what only observes: somebody has to have said it.
    const need = Math.max(1, root.thresholds[stepClass]);
    const have = signedBy.filter(({ classes }) => classes.includes(stepClass)).length;
    if (have < need) return `to ${action} a step of class ${stepClass} needs ${need} signatures, and has ${have}`;
  }
  return null;
}

const refuse = (code: Refusal['code'], message: string) => err({ code, message });
