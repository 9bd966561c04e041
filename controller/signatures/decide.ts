import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import type { SignatureError } from './errors.ts';
import type { Attestation, ReadPackage, VendorKey } from './ports.ts';

/** What a package rests on: its own signature, and what people here say of it. */
export interface Grounds {
  /** For messages. */
  name: string;
  read: Pick<ReadPackage, 'source' | 'signedBy' | 'signatureProblem'>;
  keys: readonly Pick<VendorKey, 'fingerprint' | 'tier'>[];
  /** A statement of approvers about exactly this package, already verified; null where there is none. */
  statement: { signedBy: readonly string[]; envelope: string } | null;
  /** What the signed index says that it was found in; null where there is none. */
  repository: Attestation | null;
}

/**
 * Who vouches for a package. A signature that does not count is never passed over: what carries one that cannot be
 * verified is refused, also where somebody here vouches for it, since either the key or the package is not what they think.
 */
export function attest({ name, read, keys, statement, repository }: Grounds): Result<Attestation[], SignatureError> {
  if (read.signatureProblem !== null) {
    return err({
      code: 'bad-signature',
      message: `${name}: ${read.signatureProblem}. If the key is the vendor's, add it: tidemark signatures key add FILE --tier vendor`,
    });
  }
  const attestations: Attestation[] = [];
  if (read.signedBy) {
    const { fingerprint } = read.signedBy;
    const key = keys.find(each => each.fingerprint === fingerprint);
    if (!key)
      return err({
        code: 'bad-signature',
        message: `${name}: the key ${fingerprint} that signed it was removed meanwhile: add it again (tidemark signatures key add FILE), then import again`,
      });
    attestations.push({ tier: key.tier, by: fingerprint, via: '', evidence: '' });
  }
  if (repository) attestations.push(repository);
  if (statement)
    attestations.push({ tier: 'operator', by: statement.signedBy.join(', '), via: '', evidence: statement.envelope });
  if (attestations.length > 0) return ok(attestations);
  return err({
    code: 'package-unsigned',
    message: `${name} carries no signature${read.source === 'deb' ? ' (packages of Debian never do: their repository signs for them, so import that)' : ''}: sign for it with --key FILE`,
  });
}
