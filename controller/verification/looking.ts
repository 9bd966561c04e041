import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { isAudit } from '@tidemark/shared/fingerprint/profile.ts';
import { parseEnvelope } from '@tidemark/shared/signing/dsse.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { baselineProblem } from './baselines.ts';
import { noFingerprint, unknownBaseline, unknownHost, type VerificationError } from './errors.ts';
import type { BaselineStore, VerificationStore } from './ports.ts';
import type { Fingerprint } from './records.ts';
import { parseReference } from './references.ts';

/** A fingerprint, and what people call it. */
export interface Looked {
  /** `db01`, `db01@3f2a91c0`, `baseline:golden-db`. */
  label: string;
  host: string;
  fingerprint: Fingerprint;
}

export interface LookingDependencies {
  store: Pick<VerificationStore, 'hostNamed' | 'fingerprints' | 'fingerprint'> & Pick<BaselineStore, 'baseline'>;
  trustRoot: () => Promise<TrustRoot | null>;
}

/** Fingerprints that are looked through for how an id begins: some months of a host. */
const SEARCHED = 1_000;

/** Audits are compared with each other alone. */
const isState = ({ profile }: Fingerprint): boolean => !isAudit(profile);

/** Finds the fingerprint that a reference means. */
export function createLooking({ store, trustRoot }: LookingDependencies) {
  const newest = async (hostId: string): Promise<Fingerprint | undefined> =>
    (await store.fingerprints(hostId, 1)).find(isState) ?? (await store.fingerprints(hostId, SEARCHED)).find(isState);

  const onHost = async (
    name: string,
    label: string,
    pick: (hostId: string) => Promise<{ found: Fingerprint | undefined; missing: VerificationError }>,
  ): Promise<Result<Looked, VerificationError>> => {
    const host = await store.hostNamed(name);
    if (!host) return err(unknownHost(name));
    const { found, missing } = await pick(host.hostId);
    return found ? ok({ label, host: host.name, fingerprint: found }) : err(missing);
  };

  const baseline = async (name: string): Promise<Result<Looked, VerificationError>> => {
    const kept = await store.baseline(name);
    if (!kept) return err(unknownBaseline(name));
    const fingerprint = await store.fingerprint(kept.fingerprint);
    if (!fingerprint) throw new Error(`the fingerprint of baseline ${name} is gone`);
    const envelope = parseEnvelope(Buffer.from(kept.envelope, 'utf8'));
    const problem = envelope.ok
      ? baselineProblem(envelope.value, await trustRoot(), { name, fingerprint })
      : envelope.error;
    if (problem !== null) {
      return err({ code: 'baseline-invalid', message: `the baseline ${name} does not count: ${problem}` });
    }
    return ok({ label: `baseline:${name}`, host: kept.host, fingerprint });
  };

  /**
   * A reference as text, see references.ts. `under` is the digest of a profile: of a host now, its newest fingerprint under
   * that one.
   */
  return async (text: string, under?: string): Promise<Result<Looked, VerificationError>> => {
    const parsed = parseReference(text);
    if (!parsed.ok) return err({ code: 'bad-reference', message: parsed.error });
    const reference = parsed.value;
    switch (reference.kind) {
      case 'baseline':
        return baseline(reference.name);
      case 'now':
        return onHost(reference.host, text, async hostId => ({
          found: under
            ? (await store.fingerprints(hostId, SEARCHED)).find(({ profileDigest }) => profileDigest === under)
            : await newest(hostId),
          missing: noFingerprint(reference.host),
        }));
      case 'then':
        return onHost(reference.host, text, async hostId => {
          const all = (await store.fingerprints(hostId, SEARCHED)).filter(isState);
          const at = new Date(reference.atMs).toISOString();
          const message = `${reference.host} has no fingerprint from ${at} or before: "tidemark get fingerprints ${reference.host}" lists them`;
          return {
            found: all.find(({ finishedMs }) => finishedMs <= reference.atMs),
            missing: { code: 'no-fingerprint', message },
          };
        });
      case 'fingerprint':
        return onHost(reference.host, text, async hostId => {
          const fit = (await store.fingerprints(hostId, SEARCHED)).filter(({ id }) => id.startsWith(reference.id));
          const count = fit.length === 0 ? 'no fingerprint' : `${fit.length} fingerprints`;
          const message = `${count} of ${reference.host} begin with ${reference.id}: "tidemark get fingerprints ${reference.host}" lists them`;
          return { found: fit.length === 1 ? fit[0] : undefined, missing: { code: 'no-fingerprint', message } };
        });
    }
  };
}
