import { Buffer } from 'node:buffer';
import { sha256 } from '../base/digest.ts';

/**
 * By what a key for secrets is known: two scans are under one key where this is the same. The key has 32 random bytes, so
 * nothing can be guessed from it.
 */
export const secretKeyId = (key: Uint8Array): string =>
  sha256(Buffer.from('tidemark.secret-key.v1\0'), key).toString('hex').slice(0, 16);
