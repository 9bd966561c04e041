import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson, parseJson } from '../base/canonical-json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { SEALED_BYTES, SEALING_KEY_BYTES } from '../fingerprint/sealed-key.ts';
import { type Envelope, PayloadType, signEnvelope } from './dsse.ts';
import { verifyObserving } from './observing.ts';
import type { TrustRoot } from './trust-root.ts';

const base64Of = (bytes: number) =>
  z.base64().refine(text => Buffer.from(text, 'base64').length === bytes, `must be ${bytes} bytes`);

/**
 * A key for secrets on its way to one host: sealed to its agent, and signed, so that who carries it can neither read it nor
 * exchange it for one of its own, under which the digests of secrets could be guessed.
 */
export const SecretKeyStatement = z.strictObject({
  format: z.literal('tidemark/secret-key/v1'),
  fleet: z.string().min(1),
  /** Hosts that have one key are compared in their secrets, too: as a rule the members of a cluster, by its name. */
  name: z.string().min(1).max(128),
  /** Grows with every new key of this name. */
  generation: z.int().min(1),
  /** fingerprint/secret-key-id.ts. */
  keyId: z.string().regex(/^[0-9a-f]{16}$/),
  hostId: z.string().min(1),
  /** The agent's public key that it is sealed to, base64. */
  recipient: base64Of(SEALING_KEY_BYTES),
  sealed: base64Of(SEALED_BYTES),
  signedAt: z.int().min(0),
});
export type SecretKeyStatement = z.infer<typeof SecretKeyStatement>;

export const signSecretKey = (statement: SecretKeyStatement, keys: readonly KeyObject[]): Envelope =>
  signEnvelope(PayloadType.secretKey, Buffer.from(canonicalJson(statement), 'utf8'), keys);

/** What was signed, for one host. */
export function verifySecretKey(
  envelope: Envelope,
  root: TrustRoot,
): Result<{ statement: SecretKeyStatement; signedBy: string[] }, string> {
  const verified = verifyObserving(envelope, PayloadType.secretKey, root);
  if (!verified.ok) return verified;
  const parsed = SecretKeyStatement.safeParse(parseJson(verified.value.payload));
  if (!parsed.success) return err('the key for secrets does not fit its schema');
  if (parsed.data.fleet !== root.fleet) return err(`the key for secrets is for fleet ${parsed.data.fleet}`);
  return ok({ statement: parsed.data, signedBy: verified.value.signedBy });
}
