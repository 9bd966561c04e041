import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson, parseJson } from '../base/canonical-json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { DigestText } from '../orders/arguments.ts';
import { type Envelope, PayloadType, signEnvelope, verifyEnvelope } from './dsse.ts';
import { approversOf, type TrustRoot } from './trust-root.ts';

/** "This bundle may go that far": what somebody signs so that a bundle may be promoted. */
export const SignOff = z.strictObject({
  format: z.literal('tidemark/sign-off/v1'),
  fleet: z.string().min(1),
  /** Stands for all that is in it. */
  bundle: DigestText,
  name: z.string().min(1),
  /** The ring that it may enter. */
  ring: z.string().min(1),
  signedAt: z.int().min(0),
});
export type SignOff = z.infer<typeof SignOff>;

export const signSignOff = (signOff: SignOff, key: KeyObject): Envelope =>
  signEnvelope(PayloadType.signOff, Buffer.from(canonicalJson(signOff), 'utf8'), [key]);

/** What was signed off and by whom: people whom the trust root names now. */
export function verifySignOff(
  envelope: Envelope,
  root: TrustRoot,
): Result<{ signOff: SignOff; signedBy: string[] }, string> {
  const verified = verifyEnvelope(envelope, PayloadType.signOff, approversOf(root));
  if (!verified.ok) return verified;
  const parsed = SignOff.safeParse(parseJson(verified.value.payload));
  if (!parsed.success) return err('the sign-off does not fit its schema');
  if (parsed.data.fleet !== root.fleet) return err(`the sign-off is of fleet ${parsed.data.fleet}`);
  return ok({ signOff: parsed.data, signedBy: verified.value.signedBy.map(({ name }) => name) });
}
