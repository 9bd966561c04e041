import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { parseJson } from '../base/canonical-json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { rawPublicKey, signEd25519, verifyEd25519 } from './ed25519.ts';

/*
 * DSSE (Dead Simple Signing Envelope, protocol v1.0.2): what is signed is PAE(type, bytes), so that a signature over one
 * type is none over another, and what was verified is exactly the bytes that are used.
 */

/** One of the documents that are signed here, by media type. */
export const PayloadType = {
  amendment: 'application/vnd.tidemark.amendment.v1+json',
  approval: 'application/vnd.tidemark.approval.v1+json',
  baseline: 'application/vnd.tidemark.baseline.v1+json',
  dispatch: 'application/vnd.tidemark.dispatch.v1+json',
  package: 'application/vnd.tidemark.package.v1+json',
  scanProfile: 'application/vnd.tidemark.scan-profile.v1+json',
  secretKey: 'application/vnd.tidemark.secret-key.v1+json',
  signOff: 'application/vnd.tidemark.sign-off.v1+json',
  trustRoot: 'application/vnd.tidemark.trust-root.v1+json',
} as const;
export type PayloadType = (typeof PayloadType)[keyof typeof PayloadType];

const Base64 = z.base64();

export const Envelope = z.strictObject({
  payloadType: z.string(),
  payload: Base64,
  signatures: z
    .array(z.strictObject({ keyid: z.string(), sig: Base64 }))
    .min(1)
    .max(64),
});
export type Envelope = z.infer<typeof Envelope>;

/** Pre-authentication encoding: lengths before every part, so that no two pairs have one text. */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const type = Buffer.from(payloadType, 'utf8');
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} `), type, Buffer.from(` ${payload.length} `), payload]);
}

export function signEnvelope(payloadType: PayloadType, payload: Uint8Array, keys: readonly KeyObject[]): Envelope {
  const message = preAuthEncoding(payloadType, payload);
  return {
    payloadType,
    payload: Buffer.from(payload).toString('base64'),
    signatures: keys.map(key => ({
      keyid: rawPublicKey(key).toString('hex').slice(0, 16),
      sig: signEd25519(key, message).toString('base64'),
    })),
  };
}

/** A payload and the distinct keys that signed it. */
export interface Verified<K> {
  payload: Buffer;
  signedBy: K[];
}

/**
 * Verifies against every given key: the key id in the envelope is a hint for people and decides nothing, and a key
 * that signed twice counts once. Fails where no given key signed, or the type is another.
 */
export function verifyEnvelope<K extends { publicKey: Uint8Array }>(
  envelope: Envelope,
  payloadType: PayloadType,
  keys: readonly K[],
): Result<Verified<K>, string> {
  if (envelope.payloadType !== payloadType)
    return err(`the envelope holds ${envelope.payloadType}, not ${payloadType}`);
  const payload = Buffer.from(envelope.payload, 'base64');
  const message = preAuthEncoding(payloadType, payload);
  const signedBy: K[] = [];
  const counted = new Set<string>();
  for (const key of keys) {
    const raw = Buffer.from(key.publicKey).toString('hex');
    if (counted.has(raw)) continue;
    if (!envelope.signatures.some(({ sig }) => verifyEd25519(key.publicKey, message, Buffer.from(sig, 'base64'))))
      continue;
    counted.add(raw);
    signedBy.push(key);
  }
  return signedBy.length > 0 ? ok({ payload, signedBy }) : err('no trusted key signed this');
}

/** Reads an envelope's JSON text. */
export function parseEnvelope(bytes: Uint8Array): Result<Envelope, string> {
  const parsed = Envelope.safeParse(parseJson(bytes));
  return parsed.success ? ok(parsed.data) : err('this is no DSSE envelope');
}

export const encodeEnvelope = (envelope: Envelope): Buffer => Buffer.from(JSON.stringify(envelope), 'utf8');
