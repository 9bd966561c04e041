import { Buffer } from 'node:buffer';
import nacl from 'tweetnacl';

/*
 * A cluster's key for secrets, sealed to one agent: whoever carries it, the controller's database and the link included,
 * cannot read it. Bytes: ephemeral public key (32), nonce (24), box (X25519, XSalsa20-Poly1305) around the 32 bytes.
 */

export const CLUSTER_KEY_BYTES = 32;
export const SEALING_KEY_BYTES = nacl.box.publicKeyLength;
const NONCE_BYTES = nacl.box.nonceLength;
export const SEALED_BYTES = SEALING_KEY_BYTES + NONCE_BYTES + nacl.box.overheadLength + CLUSTER_KEY_BYTES;

export interface SealingKeys {
  publicKey: Buffer;
  secretKey: Buffer;
}

/** The pair that belongs to 32 secret bytes. */
export function sealingKeysOf(secret: Uint8Array): SealingKeys {
  const { publicKey, secretKey } = nacl.box.keyPair.fromSecretKey(Uint8Array.from(secret));
  return { publicKey: Buffer.from(publicKey), secretKey: Buffer.from(secretKey) };
}

/** `random` gives fresh secret bytes: 32 for the ephemeral key and 24 for the nonce, never the same twice. */
export function sealKey(key: Uint8Array, recipient: Uint8Array, random: (bytes: number) => Uint8Array): Buffer {
  const ephemeral = sealingKeysOf(random(SEALING_KEY_BYTES));
  const nonce = Uint8Array.from(random(NONCE_BYTES));
  const box = nacl.box(Uint8Array.from(key), nonce, Uint8Array.from(recipient), Uint8Array.from(ephemeral.secretKey));
  return Buffer.concat([ephemeral.publicKey, nonce, box]);
}

/** Null where it was not sealed to this key, or altered. */
export function openSealedKey(sealed: Uint8Array, secretKey: Uint8Array): Buffer | null {
  if (sealed.length !== SEALED_BYTES) return null;
  const bytes = Uint8Array.from(sealed);
  const boxAt = SEALING_KEY_BYTES + NONCE_BYTES;
  const nonce = bytes.slice(SEALING_KEY_BYTES, boxAt);
  const key = nacl.box.open(bytes.slice(boxAt), nonce, bytes.slice(0, SEALING_KEY_BYTES), Uint8Array.from(secretKey));
  return key && Buffer.from(key);
}
