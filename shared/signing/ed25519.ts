import { createPrivateKey, createPublicKey, type KeyObject, sign as nodeSign, verify as nodeVerify } from 'node:crypto';

/*
 * Ed25519 (RFC 8032) by node:crypto, with the checks that make a signature mean one message, one key and one text:
 * S below the group's order, points in their one canonical encoding, none of them of small order. Without these a
 * third party can turn a valid signature into another valid one, or one key can sign for everything.
 */

const FIELD_PRIME = 2n ** 255n - 19n;
const GROUP_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
/** DER around a raw public key (RFC 8410, section 4). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** The y coordinates of the eight points whose order divides the cofactor (Curve25519's torsion subgroup). */
const SMALL_ORDER_Y: ReadonlySet<bigint> = new Set([
  0n,
  1n,
  FIELD_PRIME - 1n,
  2707385501144840649318225287225658788936804267575313519463743609750303402022n,
  55188659117513257062467267217118295137698188065244968500265048394206261417927n,
]);

/** True only for a strict signature: 64 bytes, by a raw 32-byte key, over exactly this message. Never throws. */
export function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  if (!isSoundPoint(publicKey) || !isSoundPoint(signature.subarray(0, 32))) return false;
  if (littleEndian(signature.subarray(32)) >= GROUP_ORDER) return false;
  try {
    return nodeVerify(null, message, importPublicKey(publicKey), signature);
  } catch {
    return false;
  }
}

export const signEd25519 = (privateKey: KeyObject, message: Uint8Array): Buffer => nodeSign(null, message, privateKey);

/** A controller signs thousands of dispatches with one key, and each names it. */
const rawPublicKeys = new WeakMap<KeyObject, Buffer>();

/** The raw 32 bytes of a key's public half. */
export function rawPublicKey(key: KeyObject): Buffer {
  const known = rawPublicKeys.get(key);
  if (known) return Buffer.from(known);
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(SPKI_PREFIX.length);
  rawPublicKeys.set(key, Buffer.from(raw));
  return raw;
}

/** Whether these are 32 bytes that a signature may be verified with. */
export const isSoundPublicKey = (publicKey: Uint8Array): boolean => publicKey.length === 32 && isSoundPoint(publicKey);

/** A private key from its PEM text (PKCS#8), opened with `passphrase` where it is sealed. Throws on any other input. */
export function importPrivateKey(pem: string, passphrase?: string): KeyObject {
  const key = createPrivateKey(passphrase === undefined ? pem : { key: pem, passphrase });
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(`the key is ${key.asymmetricKeyType}, not Ed25519`);
  return key;
}

function importPublicKey(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: 'der', type: 'spki' });
}

function isSoundPoint(encoded: Uint8Array): boolean {
  const withSign = littleEndian(encoded);
  const y = withSign & ((1n << 255n) - 1n);
  return y < FIELD_PRIME && !SMALL_ORDER_Y.has(y);
}

const littleEndian = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
