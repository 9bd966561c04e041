import { z } from 'zod';

/** Why an agent does not take an order or a dispatch. The code is for programs, the message for people. */
export const RefusalCode = z.enum([
  'bad-proof',
  'bad-order',
  'not-approved',
  'wrong-fleet',
  'wrong-host',
  /** The server's own policy does not permit a step, program or path in it. */
  'not-permitted',
  /** This order was taken before; once is all there is. */
  'already-accepted',
  'unknown-order',
  'bad-signature',
  'expired',
  /** Sequence or epoch not above what was seen: sent again, or by a controller that has been replaced. */
  'replayed',
  /** Not possible in the state that the order is in. */
  'not-now',
  'no-space',
]);
export type RefusalCode = z.infer<typeof RefusalCode>;

export interface Refusal {
  code: RefusalCode;
  message: string;
}
