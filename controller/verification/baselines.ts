import { verifyBaseline } from '@tidemark/shared/signing/baseline.ts';
import type { Envelope } from '@tidemark/shared/signing/dsse.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import type { Fingerprint } from './records.ts';

/** A fingerprint that is kept as a reference, under a name. */
export interface Baseline {
  name: string;
  host: string;
  fingerprint: string;
  /** The signed statement, as text. */
  envelope: string;
  createdBy: string;
  createdAt: number;
}

/**
 * Why a baseline does not count, null where it does: somebody whom the trust root names now has signed that exactly these
 * trees are it. Asked each time it is used: the database alone cannot make a reference. Pure.
 */
export function baselineProblem(
  envelope: Envelope,
  root: TrustRoot | null,
  { name, fingerprint }: { name: string; fingerprint: Fingerprint },
): string | null {
  if (!root) return 'the fleet has no trust root that says whose signature counts';
  const verified = verifyBaseline(envelope, root);
  if (!verified.ok) return verified.error;
  const { statement } = verified.value;
  if (statement.name !== name) return `it was signed as ${statement.name}`;
  const isOfTrees =
    statement.profileDigest === fingerprint.profileDigest &&
    statement.softwareRoot === fingerprint.softwareRoot.toString('hex') &&
    statement.configRoot === fingerprint.configRoot.toString('hex');
  return isOfTrees ? null : 'other trees were signed than those that are stored';
}
