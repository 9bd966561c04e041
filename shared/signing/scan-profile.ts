import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson, parseJson } from '../base/canonical-json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { ScanProfile } from '../fingerprint/profile.ts';
import { type Envelope, PayloadType, signEnvelope } from './dsse.ts';
import { verifyObserving } from './observing.ts';
import type { TrustRoot } from './trust-root.ts';

/** "This is what may be looked at on our servers": what somebody signs so that scans which no plan carries run under it. */
export const ScanProfileStatement = z.strictObject({
  format: z.literal('tidemark/scan-profile/v1'),
  fleet: z.string().min(1),
  profile: ScanProfile,
  signedAt: z.int().min(0),
});
export type ScanProfileStatement = z.infer<typeof ScanProfileStatement>;

export const signScanProfile = (statement: ScanProfileStatement, keys: readonly KeyObject[]): Envelope =>
  signEnvelope(PayloadType.scanProfile, Buffer.from(canonicalJson(statement), 'utf8'), keys);

/** The profile and who signed it. */
export function verifyScanProfile(
  envelope: Envelope,
  root: TrustRoot,
): Result<{ profile: ScanProfile; signedBy: string[] }, string> {
  const verified = verifyObserving(envelope, PayloadType.scanProfile, root);
  if (!verified.ok) return verified;
  const parsed = ScanProfileStatement.safeParse(parseJson(verified.value.payload));
  if (!parsed.success) return err('the signed profile does not fit its schema');
  if (parsed.data.fleet !== root.fleet) return err(`the profile was signed for fleet ${parsed.data.fleet}`);
  return ok({ profile: parsed.data.profile, signedBy: verified.value.signedBy });
}
