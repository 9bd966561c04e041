import { Buffer } from 'node:buffer';
import { createHash, hash } from 'node:crypto';

/** SHA-256 as people and JSON see it: `sha256:` and 64 lower-case hex digits. */
export type Digest = `sha256:${string}`;

const PATTERN = /^sha256:[0-9a-f]{64}$/;

export const isDigest = (text: string): text is Digest => PATTERN.test(text);

/** SHA-256 over the parts, one after the other: 32 bytes. */
export function sha256(...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (length > AT_ONCE_BYTES) {
    const running = createHash('sha256');
    for (const part of parts) running.update(part);
    return running.digest();
  }
  const [first] = parts;
  const whole = parts.length === 1 && first ? first : Buffer.concat(parts, length);
  // By way of a text: a digest as a buffer of its own costs four times as much as what is hashed.
  return Buffer.from(hash('sha256', whole, 'binary'), 'latin1');
}

/** Names and nodes are copied and hashed with one call; what is larger is not copied. */
const AT_ONCE_BYTES = 64 * 1024;

export const digestOf = (...parts: readonly Uint8Array[]): Digest => digestFromBytes(sha256(...parts));

export const digestFromBytes = (bytes: Uint8Array): Digest => `sha256:${Buffer.from(bytes).toString('hex')}`;

/** 32 bytes. Takes only what {@link isDigest} accepts. */
export const digestToBytes = (digest: Digest): Buffer => Buffer.from(digest.slice('sha256:'.length), 'hex');

/** The first twelve hex digits: enough for people to tell two things apart, never for a program. */
export const shortDigest = (digest: string): string => digest.replace(/^sha256:/, '').slice(0, 12);
