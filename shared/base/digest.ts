import { createHash } from 'node:crypto';

/** SHA-256 as people and JSON see it: `sha256:` and 64 lower-case hex digits. */
export type Digest = `sha256:${string}`;

const PATTERN = /^sha256:[0-9a-f]{64}$/;

export const isDigest = (text: string): text is Digest => PATTERN.test(text);

/** SHA-256 over the parts, one after the other: 32 bytes. */
export function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

export const digestOf = (...parts: readonly Uint8Array[]): Digest => digestFromBytes(sha256(...parts));

export const digestFromBytes = (bytes: Uint8Array): Digest => `sha256:${Buffer.from(bytes).toString('hex')}`;

/** 32 bytes. Takes only what {@link isDigest} accepts. */
export const digestToBytes = (digest: Digest): Buffer => Buffer.from(digest.slice('sha256:'.length), 'hex');

/** The first twelve hex digits: enough for people to tell two things apart, never for a program. */
export const shortDigest = (digest: string): string => digest.replace(/^sha256:/, '').slice(0, 12);
