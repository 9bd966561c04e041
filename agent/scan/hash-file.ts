import { createHash, createHmac } from 'node:crypto';
import fs from 'node:fs';
import { sha256 } from '@tidemark/shared/base/digest.ts';
import { HEAD_BYTES, isExecutableContent } from '@tidemark/shared/fingerprint/executable.ts';
import type { Reach } from './directory.ts';
import { type Pace, unhurried } from './pace.ts';

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;

/** One for the whole thread: large enough that the system reads ahead, small enough to stay in the processor's cache. */
const BUFFER_BYTES = 256 * 1024;
const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);

export interface HashedFile {
  digest: Buffer;
  size: number;
  /** By its first bytes (executable.ts). */
  runs: boolean;
  /** `digest` is an HMAC. */
  isKeyed: boolean;
  /** SHA-256 of the content after {@link HashOptions.normalise}; null where it gave nothing. */
  normalised: Buffer | null;
  /** Taken from the file that was read, before and after. */
  stat: fs.BigIntStats;
}

export interface HashOptions {
  pace?: Pace;
  /** 32 bytes: makes the digest an HMAC-SHA-256 under it. */
  key?: Buffer | null;
  /** What a text is without what may differ; null for what is no text. Asked for files that fit one buffer. */
  normalise?: ((content: Buffer) => Buffer | null) | null;
}

/** Opens what should be a regular file. Neither follows a link nor waits for a FIFO's writer. Throws the system's error. */
export const openFile = (path: Reach): number => fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);

/**
 * The digest of what one moment's file holds, or `changed` where it was not the same content from the first byte to the
 * last. `before` is the stat of the descriptor, which must be that of a regular file. Throws the system's error.
 */
export function hashFile(
  descriptor: number,
  before: fs.BigIntStats,
  options: HashOptions = {},
): HashedFile | 'changed' {
  const size = Number(before.size);
  const read = size < BUFFER_BYTES ? readSmall(descriptor, size, options) : readLarge(descriptor, size, options);
  if (!read) return 'changed';
  const stat = fs.fstatSync(descriptor, { bigint: true });
  if (!isSameState(before, stat)) return 'changed';
  const { digest, runs, normalised } = read;
  return { digest, size, runs, isKeyed: !!options.key, normalised, stat };
}

interface Content {
  digest: Buffer;
  runs: boolean;
  normalised: Buffer | null;
}

/** Null where there was not exactly as much as the size said. One byte more is asked for, to see that. */
function readSmall(descriptor: number, size: number, options: HashOptions): Content | null {
  const { key, normalise, pace = unhurried } = options;
  let total = 0;
  for (;;) {
    const count = fs.readSync(descriptor, buffer, total, size + 1 - total, null);
    total += count;
    if (total > size) return null;
    if (count === 0 || total === size) break;
  }
  pace.step(total);
  if (total !== size) return null;
  const content = buffer.subarray(0, size);
  return {
    digest: key ? createHmac('sha256', key).update(content).digest() : sha256(content),
    runs: isExecutableContent(content.subarray(0, HEAD_BYTES)),
    normalised: normalisedDigest(content, key, normalise),
  };
}

function normalisedDigest(content: Buffer, key: HashOptions['key'], normalise: HashOptions['normalise']) {
  const text = normalise?.(content);
  if (!text) return null;
  return key ? createHmac('sha256', key).update(text).digest() : sha256(text);
}

function readLarge(descriptor: number, size: number, { key, pace = unhurried }: HashOptions): Content | null {
  const hash = key ? createHmac('sha256', key) : createHash('sha256');
  let runs = false;
  let total = 0;
  while (total < size) {
    const count = fs.readSync(descriptor, buffer, 0, BUFFER_BYTES, null);
    if (count === 0) return null;
    if (total === 0) runs = isExecutableContent(buffer.subarray(0, Math.min(count, HEAD_BYTES)));
    total += count;
    // A file that grows as fast as it is read would never end.
    if (total > size) return null;
    hash.update(buffer.subarray(0, count));
    pace.step(count);
  }
  return { digest: hash.digest(), runs, normalised: null };
}

/** Every write moves ctime, and nobody can put that back. */
export const isSameState = (a: fs.BigIntStats, b: fs.BigIntStats): boolean =>
  a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.mode === b.mode;
