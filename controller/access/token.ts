import { timingSafeEqual } from 'node:crypto';
import { sha256 } from '@tidemark/shared/base/digest.ts';

/** `tma_<id>_<secret>`: 6 bytes in hex that find the record, and 32 random bytes in base64url. */
export interface ApiToken {
  id: string;
  secret: Buffer;
}

// The prefix lets scanners for secrets find one that somebody has published.
const PATTERN = /^tma_([0-9a-f]{12})_([A-Za-z0-9_-]{43})$/;

export const ID_BYTES = 6;
export const SECRET_BYTES = 32;

export const encodeApiToken = ({ id, secret }: ApiToken): string => `tma_${id}_${secret.toString('base64url')}`;

/** Reads a token; null for what is none, and for a text that only decodes to the same bytes. */
export function parseApiToken(text: string): ApiToken | null {
  const [, id, secret] = PATTERN.exec(text) ?? [];
  if (id === undefined || secret === undefined) return null;
  const token = { id, secret: Buffer.from(secret, 'base64url') };
  return encodeApiToken(token) === text ? token : null;
}

export const hashSecret = (secret: Uint8Array): Buffer => sha256(secret);

/** In constant time: how long it takes says nothing about where two hashes differ. */
export const isSecret = (secret: Uint8Array, secretHash: Uint8Array): boolean =>
  secretHash.length === 32 && timingSafeEqual(hashSecret(secret), secretHash);
