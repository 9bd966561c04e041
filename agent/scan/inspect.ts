import fs from 'node:fs';
import type { UnreadableReason } from '@tidemark/shared/fingerprint/entry.ts';
import { errorCode } from './directory.ts';
import { type HashedFile, hashFile, isSameState } from './hash-file.ts';

/** What stands at a name. Directories are for the caller to enter. */
export type Found =
  | { kind: 'file'; stat: fs.BigIntStats; file: HashedFile; isFirstName: boolean }
  | { kind: 'directory'; stat: fs.BigIntStats }
  | { kind: 'symlink'; stat: fs.BigIntStats; target: Buffer }
  | { kind: 'device'; stat: fs.BigIntStats; type: 'block' | 'character' }
  | { kind: 'fifo' | 'socket' | 'unstable'; stat: fs.BigIntStats }
  | {
      kind: 'unreadable';
      stat: fs.BigIntStats | null;
      of: 'unknown' | 'file' | 'directory' | 'symlink';
      reason: UnreadableReason;
    }
  /** It vanished between the listing and the look: then it is not there. */
  | { kind: 'gone' };

/** A file that is being written is looked at this often before it counts as unstable. */
const ATTEMPTS = 3;
/** Long enough for a writer to finish a small file, too short to slow down a scan that meets a hundred of them. */
const PAUSE_MS = 10;

/** Looks at names; remembers files with several names, so that each is read once. */
export function createInspector(): (path: Buffer) => Found {
  const linked = new Map<string, HashedFile>();
  return path => inspect(path, linked);
}

export function reasonOf(error: unknown): UnreadableReason {
  const code = errorCode(error);
  if (code === 'EACCES' || code === 'EPERM') return 'permission';
  if (code === 'EIO' || code === 'ESTALE' || code === 'EUCLEAN') return 'io';
  return code === 'ENAMETOOLONG' ? 'name-too-long' : 'other';
}

export const isGone = (error: unknown): boolean => errorCode(error) === 'ENOENT';

function inspect(path: Buffer, linked: Map<string, HashedFile>): Found {
  let stat: fs.BigIntStats | null = null;
  let of: Extract<Found, { kind: 'unreadable' }>['of'] = 'unknown';
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (attempt > 0) pause();
      stat = fs.lstatSync(path, { bigint: true });
      of = stat.isFile() ? 'file' : stat.isSymbolicLink() ? 'symlink' : 'unknown';
      const found = look(path, stat, linked);
      if (found) return found;
    }
  } catch (error) {
    return isGone(error) ? { kind: 'gone' } : { kind: 'unreadable', stat, of, reason: reasonOf(error) };
  }
  return stat ? { kind: 'unstable', stat } : { kind: 'gone' };
}

/** Null where what was there changed under the look. */
function look(path: Buffer, stat: fs.BigIntStats, linked: Map<string, HashedFile>): Found | null {
  if (stat.isFile()) return lookAtFile(path, stat, linked);
  if (stat.isDirectory()) return { kind: 'directory', stat };
  if (stat.isSymbolicLink()) {
    try {
      return { kind: 'symlink', stat, target: fs.readlinkSync(path, { encoding: 'buffer' }) };
    } catch (error) {
      // EINVAL: a link no more.
      if (errorCode(error) === 'EINVAL') return null;
      throw error;
    }
  }
  if (stat.isFIFO()) return { kind: 'fifo', stat };
  if (stat.isSocket()) return { kind: 'socket', stat };
  return { kind: 'device', stat, type: stat.isBlockDevice() ? 'block' : 'character' };
}

function lookAtFile(path: Buffer, stat: fs.BigIntStats, linked: Map<string, HashedFile>): Found | null {
  const key = stat.nlink > 1n ? `${stat.dev}:${stat.ino}` : null;
  const known = key === null ? undefined : linked.get(key);
  if (known && isSameState(known.stat, stat)) return { kind: 'file', stat, file: known, isFirstName: false };
  const file = hashUnlessReplaced(path);
  if (file === 'changed') return null;
  if (key !== null) linked.set(key, file);
  return { kind: 'file', stat: file.stat, file, isFirstName: true };
}

function hashUnlessReplaced(path: Buffer): HashedFile | 'changed' {
  try {
    return hashFile(path);
  } catch (error) {
    // ELOOP: a link took its place; ENXIO: a socket did. Look again.
    if (errorCode(error) === 'ELOOP' || errorCode(error) === 'ENXIO') return 'changed';
    throw error;
  }
}

/** The scan runs in a process of its own that has nothing else to do. */
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
}
