import { parseJson } from '@tidemark/shared/base/canonical-json.ts';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { profileDigest, profileLabel, ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { isBuiltIn } from '@tidemark/shared/fingerprint/profiles.ts';
import { decodeOrder } from '@tidemark/shared/orders/order.ts';
import { parseEnvelope } from '@tidemark/shared/signing/dsse.ts';
import { verifyScanProfile } from '@tidemark/shared/signing/scan-profile.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { type HostPolicy, permitsKind } from './permit.ts';

/** A scan that no order carries, as it was asked for. */
export interface AskedScan {
  /** Canonical JSON. */
  profile: Uint8Array;
  /** Empty where nobody signed it. */
  envelope: Uint8Array;
}

export interface ScanGround {
  trustRoot: TrustRoot;
  policy: HostPolicy;
  /** Profiles that came with orders which this server took. */
  carried: () => ReadonlySet<Digest>;
}

/**
 * Pure: the profile to scan under, or why this server does not. A digest says something about a file, and who knows enough
 * can guess the rest: so what is looked at was signed by somebody, with a plan or by itself, or came with the agent.
 */
export function permittedProfile({ profile, envelope }: AskedScan, ground: ScanGround): Result<ScanProfile, string> {
  if (!permitsKind(ground.policy, 'scan/run')) return err("this server's policy does not permit scans (scan/run)");
  if (envelope.length > 0) {
    const parsed = parseEnvelope(envelope);
    const verified = parsed.ok ? verifyScanProfile(parsed.value, ground.trustRoot) : parsed;
    return verified.ok ? ok(verified.value.profile) : err(`the scan profile does not count: ${verified.error}`);
  }
  const parsed = ScanProfile.safeParse(parseJson(profile));
  if (!parsed.success) return err(`the scan profile does not fit its schema: ${parsed.error.issues[0]?.message}`);
  if (isBuiltIn(parsed.data) || ground.carried().has(profileDigest(parsed.data))) return ok(parsed.data);
  return err(
    `nobody has signed the scan profile ${profileLabel(parsed.data)}, and no order that this server took has it: sign it with "tidemark profile sign", or name another one with "tidemark scan --profile"`,
  );
}

/** The profiles of an order's scans. */
export function profilesIn(order: Uint8Array): Digest[] {
  const decoded = decodeOrder(order);
  if (!decoded.ok) return [];
  return decoded.value.jobs.flatMap(({ call }) => (call.kind === 'scan/run' ? [profileDigest(call.args.profile)] : []));
}
