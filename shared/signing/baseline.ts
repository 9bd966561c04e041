import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson, parseJson } from '../base/canonical-json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { DigestText } from '../orders/arguments.ts';
import { type Envelope, PayloadType, signEnvelope, verifyEnvelope } from './dsse.ts';
import { approversOf, type TrustRoot } from './trust-root.ts';

/** "This is how such a host should look": what somebody signs to make a fingerprint a reference for others. */
export const BaselineStatement = z.strictObject({
  format: z.literal('tidemark/baseline/v1'),
  fleet: z.string().min(1),
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/),
  /** The host it was taken from. */
  host: z.string().min(1),
  profileDigest: DigestText,
  /** Ids of the trees' roots, 64 hex digits each: they stand for every byte that was scanned. */
  softwareRoot: z.string().regex(/^[0-9a-f]{64}$/),
  configRoot: z.string().regex(/^[0-9a-f]{64}$/),
  scannedAt: z.int().min(0),
  signedAt: z.int().min(0),
});
export type BaselineStatement = z.infer<typeof BaselineStatement>;

export const signBaseline = (statement: BaselineStatement, key: KeyObject): Envelope =>
  signEnvelope(PayloadType.baseline, Buffer.from(canonicalJson(statement), 'utf8'), [key]);

/** What a baseline says and who signed it: people whom the trust root names now. */
export function verifyBaseline(
  envelope: Envelope,
  root: TrustRoot,
): Result<{ statement: BaselineStatement; signedBy: string[] }, string> {
  const verified = verifyEnvelope(envelope, PayloadType.baseline, approversOf(root));
  if (!verified.ok) return verified;
  const parsed = BaselineStatement.safeParse(parseJson(verified.value.payload));
  if (!parsed.success) return err('the baseline does not fit its schema');
  if (parsed.data.fleet !== root.fleet) return err(`the baseline is of fleet ${parsed.data.fleet}`);
  return ok({ statement: parsed.data, signedBy: verified.value.signedBy.map(({ name }) => name) });
}
