import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson, parseJson } from '../base/canonical-json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { DigestText } from '../orders/arguments.ts';
import { type Envelope, PayloadType, signEnvelope, verifyEnvelope } from './dsse.ts';
import { approversOf, type TrustRoot } from './trust-root.ts';

/** "This package is what it says it is": what somebody signs whose vendor did not. */
export const PackageStatement = z.strictObject({
  format: z.literal('tidemark/package/v1'),
  fleet: z.string().min(1),
  /** Of the bytes that were imported. */
  digest: DigestText,
  /** What the signer says of an archive that does not say it itself; null where it does. */
  product: z.string().nullable(),
  version: z.string().nullable(),
  architecture: z.string().nullable(),
  /** Where its files lie on servers. */
  at: z.string().nullable(),
  signedAt: z.int().min(0),
});
export type PackageStatement = z.infer<typeof PackageStatement>;

export const signPackage = (statement: PackageStatement, keys: readonly KeyObject[]): Envelope =>
  signEnvelope(PayloadType.package, Buffer.from(canonicalJson(statement), 'utf8'), keys);

/** The statement and who signed it: as many approvers of patches as the trust root asks for. */
export function verifyPackage(
  envelope: Envelope,
  root: TrustRoot,
): Result<{ statement: PackageStatement; signedBy: string[] }, string> {
  const patchers = approversOf(root).filter(({ classes }) => classes.includes('patch'));
  const verified = verifyEnvelope(envelope, PayloadType.package, patchers);
  if (!verified.ok) return err(`nobody who may patch signed it: ${verified.error}`);
  const { payload, signedBy } = verified.value;
  if (signedBy.length < root.thresholds.patch)
    return err(`it needs ${root.thresholds.patch} signatures for the class patch, and has ${signedBy.length}`);
  const parsed = PackageStatement.safeParse(parseJson(payload));
  if (!parsed.success) return err('the statement does not fit its schema');
  if (parsed.data.fleet !== root.fleet) return err(`it was signed for fleet ${parsed.data.fleet}`);
  return ok({ statement: parsed.data, signedBy: signedBy.map(({ name }) => name) });
}
