import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson, parseJson } from '../base/canonical-json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { DigestText } from '../orders/arguments.ts';
import { Direction } from '../orders/job-state.ts';
import type { Refusal } from '../orders/refusal.ts';
import { type Envelope, PayloadType, signEnvelope, verifyEnvelope } from './dsse.ts';

/** No dispatch lives longer: a stolen one is worth little. */
export const MAX_DISPATCH_LIFE_MS = 15 * 60 * 1000;
/** How far the clocks of controller and server may be apart: what Kerberos allows, so that most sites keep it. */
export const MAX_CLOCK_SKEW_MS = 5 * 60 * 1000;

/** All that a controller can say to an agent about an order: how far it may go, and in which direction. */
export const Dispatch = z.strictObject({
  format: z.literal('tidemark/dispatch/v1'),
  host: z.uuid(),
  order: DigestText,
  direction: Direction,
  /** Jobs below this position may run; with `undo` it is 0 and all that was done is taken back. */
  frontier: z.int().min(0),
  /** Of the lease under which it was sent; grows with every takeover. */
  epoch: z.int().min(1),
  /** Grows with every dispatch to this host. */
  sequence: z.int().min(1),
  issuedAt: z.int().min(0),
  expiresAt: z.int().min(0),
});
export type Dispatch = z.infer<typeof Dispatch>;

export const signDispatch = (dispatch: Dispatch, key: KeyObject): Envelope =>
  signEnvelope(PayloadType.dispatch, Buffer.from(canonicalJson(dispatch), 'utf8'), [key]);

/** The highest that this agent has acted on, ever. */
export interface DispatchMark {
  epoch: number;
  sequence: number;
}

/** Whether to act on a dispatch: from the controller, for this host, in time, and newer than all before. */
export function verifyDispatch(
  envelope: Envelope,
  dispatchKey: Uint8Array,
  hostId: string,
  seen: DispatchMark,
  now: number,
): Result<Dispatch, Refusal> {
  const verified = verifyEnvelope(envelope, PayloadType.dispatch, [{ publicKey: dispatchKey }]);
  if (!verified.ok) return refuse('bad-signature', `the dispatch is not from this controller: ${verified.error}`);
  const parsed = Dispatch.safeParse(parseJson(verified.value.payload));
  if (!parsed.success) return refuse('bad-signature', 'the dispatch does not fit its schema');
  return judgeDispatch(parsed.data, hostId, seen, now);
}

/** The same of a dispatch whose signature is not in question. */
export function judgeDispatch(
  dispatch: Dispatch,
  hostId: string,
  seen: DispatchMark,
  now: number,
): Result<Dispatch, Refusal> {
  if (dispatch.host !== hostId) return refuse('wrong-host', `the dispatch is for host ${dispatch.host}`);
  if (dispatch.expiresAt - dispatch.issuedAt > MAX_DISPATCH_LIFE_MS)
    return refuse('expired', 'the dispatch claims to live longer than any may');
  // One that is signed ahead for a day to come would live until then.
  if (dispatch.issuedAt > now + MAX_CLOCK_SKEW_MS)
    return refuse(
      'expired',
      `the dispatch is from ${new Date(dispatch.issuedAt).toISOString()}, which is to come: compare the clocks`,
    );
  if (now >= dispatch.expiresAt)
    return refuse('expired', `the dispatch expired at ${new Date(dispatch.expiresAt).toISOString()}`);
  if (dispatch.epoch < seen.epoch || dispatch.sequence <= seen.sequence) {
    return refuse(
      'replayed',
      `epoch ${dispatch.epoch}, sequence ${dispatch.sequence} is not after ${seen.epoch}, ${seen.sequence}`,
    );
  }
  return ok(dispatch);
}

const refuse = (code: Refusal['code'], message: string) => err({ code, message });
