import fs from 'node:fs';
import type { UnreadableReason } from '@tidemark/shared/fingerprint/entry.ts';
import { errorCode, type Reach } from './directory.ts';
import { type HashedFile, type HashOptions, hashFile, openFile } from './hash-file.ts';
import { LinkedFiles } from './linked-files.ts';
import { ScanCancelled, sleepSync } from './pace.ts';

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

export interface How extends HashOptions {
  /** What its directory said: it is opened without another look. */
  isFile?: boolean;
}

/** Looks at a name. */
export type Inspect = (path: Reach, how?: How) => Found;

/** `linked` remembers files with several names, so that each is read once. */
export function createInspector(linked: LinkedFiles = new LinkedFiles()): Inspect {
  return (path, how = {}) => inspect(path, how, linked);
}

export function reasonOf(error: unknown): UnreadableReason {
  const code = errorCode(error);
  if (code === 'EACCES' || code === 'EPERM') return 'permission';
  if (code === 'EIO' || code === 'ESTALE' || code === 'EUCLEAN') return 'io';
  return code === 'ENAMETOOLONG' ? 'name-too-long' : 'other';
}

export const isGone = (error: unknown): boolean => errorCode(error) === 'ENOENT';

function inspect(path: Reach, how: How, linked: LinkedFiles): Found {
  let stat: fs.BigIntStats | null = null;
  let of: Extract<Found, { kind: 'unreadable' }>['of'] = how.isFile ? 'file' : 'unknown';
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (attempt > 0) sleepSync(PAUSE_MS);
      if (how.isFile && attempt === 0) {
        const found = lookAtFile(path, how, linked);
        if (found) return found;
        continue;
      }
      stat = fs.lstatSync(path, { bigint: true });
      of = stat.isFile() ? 'file' : stat.isSymbolicLink() ? 'symlink' : 'unknown';
      const found = look(path, stat, how, linked);
      if (found) return found;
    }
  } catch (error) {
    if (error instanceof ScanCancelled) throw error;
    return isGone(error) ? { kind: 'gone' } : unreadable(path, stat, of, reasonOf(error));
  }
  return stat ? { kind: 'unstable', stat } : { kind: 'gone' };
}

/** What cannot be opened mostly still has a mode and an owner. */
function unreadable(
  path: Reach,
  stat: fs.BigIntStats | null,
  of: Extract<Found, { kind: 'unreadable' }>['of'],
  reason: UnreadableReason,
): Found {
  try {
    return { kind: 'unreadable', stat: stat ?? fs.lstatSync(path, { bigint: true }), of, reason };
  } catch {
    return { kind: 'unreadable', stat: null, of, reason };
  }
}

/** Null where what was there changed under the look. */
function look(path: Reach, stat: fs.BigIntStats, how: HashOptions, linked: LinkedFiles): Found | null {
  if (stat.isFile()) return lookAtFile(path, how, linked);
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

function lookAtFile(path: Reach, how: How, linked: LinkedFiles): Found | null {
  const descriptor = openUnlessReplaced(path);
  if (descriptor === null) return null;
  try {
    const before = fs.fstatSync(descriptor, { bigint: true });
    return before.isFile() ? hashed(descriptor, before, how, linked) : null;
  } finally {
    fs.closeSync(descriptor);
  }
}

function hashed(descriptor: number, before: fs.BigIntStats, how: How, linked: LinkedFiles): Found | null {
  // What a digest is made of hangs on the path, so only plain ones are shared by the names of a file.
  const claim = before.nlink > 1n && !how.key && !how.normalise ? linked.claim(before) : null;
  if (claim?.status === 'known') {
    const { digest, runs } = claim.file;
    const file = { digest, runs, size: Number(before.size), isKeyed: false, normalised: null, stat: before };
    return { kind: 'file', stat: before, file, isFirstName: false };
  }
  let file: HashedFile | 'changed' = 'changed';
  try {
    file = hashFile(descriptor, before, how);
  } finally {
    if (claim?.status === 'mine') claim.settle(file === 'changed' ? null : { digest: file.digest, runs: file.runs });
  }
  return file === 'changed' ? null : { kind: 'file', stat: file.stat, file, isFirstName: true };
}

function openUnlessReplaced(path: Reach): number | null {
  try {
    return openFile(path);
  } catch (error) {
    // ELOOP: a link took its place; ENXIO: a socket did. Look again.
    if (errorCode(error) === 'ELOOP' || errorCode(error) === 'ENXIO') return null;
    throw error;
  }
}
