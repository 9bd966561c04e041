import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { HEAD_BYTES, isExecutableContent } from '@tidemark/shared/fingerprint/executable.ts';

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;

/** One for the whole scan: large enough that the system reads ahead, small enough to stay in the processor's cache. */
const BUFFER_BYTES = 256 * 1024;
const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);

export interface HashedFile {
  digest: Buffer;
  size: number;
  isExecutable: boolean;
  /** Taken from the file that was read, before and after. */
  stat: fs.BigIntStats;
}

/**
 * The digest of what one moment's file holds, or `changed` where it was not the same file, or not the same content,
 * from the first byte to the last. Neither follows a link nor waits for a FIFO's writer. Throws the system's error.
 */
export function hashFile(path: Buffer): HashedFile | 'changed' {
  const descriptor = fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const before = fs.fstatSync(descriptor, { bigint: true });
    if (!before.isFile()) return 'changed';
    const size = Number(before.size);
    const hash = createHash('sha256');
    let isExecutable = (before.mode & 0o111n) !== 0n;
    let total = 0;
    for (;;) {
      const count = fs.readSync(descriptor, buffer, 0, BUFFER_BYTES, null);
      if (count === 0) break;
      if (total === 0) isExecutable ||= isExecutableContent(buffer.subarray(0, Math.min(count, HEAD_BYTES)));
      total += count;
      // A file that grows as fast as it is read would never end.
      if (total > size) return 'changed';
      hash.update(buffer.subarray(0, count));
    }
    const stat = fs.fstatSync(descriptor, { bigint: true });
    if (total !== size || !isSameState(before, stat)) return 'changed';
    return { digest: hash.digest(), size, isExecutable, stat };
  } finally {
    fs.closeSync(descriptor);
  }
}

/** Every write moves ctime, and nobody can put that back. */
export const isSameState = (a: fs.BigIntStats, b: fs.BigIntStats): boolean =>
  a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.mode === b.mode;
