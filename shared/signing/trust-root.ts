import { z } from 'zod';
import { canonicalJson, parseJson } from '../base/canonical-json.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { StepClass } from '../orders/step-kinds.ts';
import { type Envelope, PayloadType, verifyEnvelope } from './dsse.ts';
import { isSoundPublicKey } from './ed25519.ts';

/** Whose approval counts on a server, for what. Lies on the server; the controller can carry a new one but not make it. */

const StepClassName = z.enum(['observe', 'patch', 'command']);

const ApproverKey = z.strictObject({
  name: z.string().min(1),
  /** Raw Ed25519, base64. */
  publicKey: z.base64(),
  /** Classes of steps that this approver's signature counts for. */
  classes: z.array(StepClassName).min(1),
});

export const TrustRoot = z.strictObject({
  format: z.literal('tidemark/trust-root/v1'),
  fleet: z.string().min(1),
  /** Grows by one; N + 1 is accepted only with the thresholds of both N and N + 1. */
  version: z.int().min(1),
  approvers: z.array(ApproverKey).min(1),
  /** Distinct approvers that an order needs for each class of step in it. */
  thresholds: z.strictObject({
    observe: z.int().min(0),
    patch: z.int().min(1),
    command: z.int().min(1),
  }),
});
export type TrustRoot = z.infer<typeof TrustRoot>;

export interface Approver {
  name: string;
  publicKey: Buffer;
  classes: readonly StepClass[];
}

export const approversOf = (root: TrustRoot): Approver[] =>
  root.approvers.map(({ name, publicKey, classes }) => ({
    name,
    publicKey: Buffer.from(publicKey, 'base64'),
    classes,
  }));

export const encodeTrustRoot = (root: TrustRoot): Buffer => Buffer.from(canonicalJson(root), 'utf8');

/**
 * Opens the first trust root, which somebody put on the server by hand: it must be signed by enough of the approvers
 * that it names itself, so that a key which nobody holds is found at once and not on patch night.
 */
export function openFirstTrustRoot(envelope: Envelope): Result<TrustRoot, string> {
  const root = read(envelope);
  if (!root.ok) return root;
  const signed = signedByEnough(envelope, root.value);
  return signed.ok ? root : signed;
}

/** Opens the successor of `current`. */
export function openNextTrustRoot(envelope: Envelope, current: TrustRoot): Result<TrustRoot, string> {
  const next = read(envelope);
  if (!next.ok) return next;
  if (next.value.fleet !== current.fleet)
    return err(`the trust root is for fleet ${next.value.fleet}, this server is in ${current.fleet}`);
  if (next.value.version !== current.version + 1)
    return err(`the trust root has version ${next.value.version}, version ${current.version + 1} is next`);
  for (const signers of [current, next.value]) {
    const signed = signedByEnough(envelope, signers);
    if (!signed.ok) return signed;
  }
  return next;
}

function read(envelope: Envelope): Result<TrustRoot, string> {
  const parsed = TrustRoot.safeParse(parseJson(Buffer.from(envelope.payload, 'base64')));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return err(`the trust root: ${issue?.path.join('.')}: ${issue?.message}`);
  }
  // By their bytes: base64 has several texts for one key.
  const keys = new Set(approversOf(parsed.data).map(approver => approver.publicKey.toString('hex')));
  if (keys.size !== parsed.data.approvers.length) return err('the trust root: two approvers have one key');
  for (const approver of approversOf(parsed.data)) {
    if (!isSoundPublicKey(approver.publicKey))
      return err(`the trust root: the key of ${approver.name} is no Ed25519 key`);
  }
  const { thresholds } = parsed.data;
  for (const stepClass of ['patch', 'command'] as const) {
    const holders = parsed.data.approvers.filter(approver => approver.classes.includes(stepClass)).length;
    if (holders > 0 && holders < thresholds[stepClass]) {
      return err(
        `the trust root: class ${stepClass} needs ${thresholds[stepClass]} approvers and only ${holders} may approve it`,
      );
    }
  }
  return ok(parsed.data);
}

/** A trust root decides what may run, so it needs the highest of its own thresholds. */
function signedByEnough(envelope: Envelope, signers: TrustRoot): Result<null, string> {
  const verified = verifyEnvelope(envelope, PayloadType.trustRoot, approversOf(signers));
  if (!verified.ok) return err(`the trust root: ${verified.error}`);
  const need = Math.max(signers.thresholds.patch, signers.thresholds.command);
  const have = verified.value.signedBy.length;
  return have >= Math.min(need, signers.approvers.length)
    ? ok(null)
    : err(`the trust root has ${have} of ${need} signatures of version ${signers.version}`);
}
