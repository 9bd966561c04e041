import { err, ok, type Result } from '../base/result.ts';
import { type Envelope, type PayloadType, verifyEnvelope } from './dsse.ts';
import { approversOf, type TrustRoot } from './trust-root.ts';

/**
 * What was signed about looking at servers, and by whom: approvers whose signature counts for the class `observe`, as many
 * as the trust root asks for it and at least one. Whoever may only patch does not decide what is looked at.
 */
export function verifyObserving(
  envelope: Envelope,
  type: PayloadType,
  root: TrustRoot,
): Result<{ payload: Buffer; signedBy: string[] }, string> {
  const observers = approversOf(root).filter(({ classes }) => classes.includes('observe'));
  const verified = verifyEnvelope(envelope, type, observers);
  if (!verified.ok) return err(`nobody who may let servers be looked at signed it: ${verified.error}`);
  const need = Math.max(1, root.thresholds.observe);
  const { payload, signedBy } = verified.value;
  if (signedBy.length < need)
    return err(`it needs ${need} signatures for the class observe, and has ${signedBy.length}`);
  return ok({ payload, signedBy: signedBy.map(({ name }) => name) });
}
