import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Space that is kept so that a result can be recorded when the disk is full: a file of real blocks, given back when
 * the journal runs out of space, and laid up again when there is room. While it is gone no new work begins.
 */
export interface Reserve {
  /** True where it is there, or could be laid up again just now. */
  ready(): boolean;
  /** Gives the space back; false where it was gone already. */
  spend(): boolean;
  /** Whether so little is free that no new work begins: what fails then may fail for that. */
  isShort(): boolean;
}

/**
 * A result with full output is some 180 KiB of JSON, written to the write-ahead log and then to the journal: room for
 * the results of one step and the reports of several refusals.
 */
export const RESERVE_BYTES = 2 * 1024 * 1024;
/** Beyond the reserve, for the step's own directory: where less is free, new work is refused. */
export const NEEDED_FREE_BYTES = 4 * 1024 * 1024;

export function createReserve(stateDir: string, bytes = RESERVE_BYTES, needed = NEEDED_FREE_BYTES): Reserve {
  const file = join(stateDir, 'reserve');
  const isThere = () => (statSync(file, { throwIfNoEntry: false })?.size ?? 0) >= bytes;
  const freeBytes = () => {
    const { bavail, bsize } = statfsSync(stateDir);
    return bavail * bsize;
  };
  return {
    ready() {
      if (freeBytes() < (isThere() ? needed : needed + bytes)) return false;
      if (!isThere()) layUp(file, bytes);
      return isThere();
    },
    spend() {
      const was = isThere();
      try {
        rmSync(file, { force: true });
      } catch {
        // A file system that has failed gives nothing back.
        return false;
      }
      return was;
    },
    isShort() {
      try {
        return freeBytes() < needed;
      } catch {
        return false;
      }
    },
  };
}

/** Written, not only made long: a sparse file holds no space. */
function layUp(file: string, bytes: number): void {
  try {
    const handle = openSync(file, 'w', 0o600);
    try {
      const block = Buffer.alloc(64 * 1024, 0x74);
      for (let at = 0; at < bytes; at += block.length) writeSync(handle, block, 0, Math.min(block.length, bytes - at));
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  } catch {
    rmSync(file, { force: true });
  }
}
