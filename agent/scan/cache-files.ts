import { createHash, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { type CacheIndex, indexCache } from './cache-index.ts';

/*
 * The files of the stat cache, one for each profile: `<profile>.cache` of the last scan that came to its end, and
 * `<profile>.<pid>.<n>.part` of each that goes on. What a scan that was cut off has read is found by the next one.
 *
 *   file = magic:8 basis:32 attributesDueAtS:u32 blocks (cache-block.ts)
 */

const MAGIC = Buffer.from('tmscan04');
const BASIS_BYTES = 32;
const DUE_AT = MAGIC.length + BASIS_BYTES;
const HEAD_BYTES = DUE_AT + 4;

/** More profiles are not in use on one server; the oldest go first. */
const MAX_PROFILES = 16;

export interface OpenCache {
  index: CacheIndex;
  /**
   * Until when mode, owner and attributes of what has not changed need not be looked up, in seconds since the epoch; 0
   * where they must be, since what they were made from has changed.
   */
  attributesDueAtS: number;
  /** To be called before anything is appended. */
  begin(attributesDueAtS: number): void;
  /** Opened for appending; null where there is no room. */
  out: number | null;
  /** Makes what was written the cache of the next scan. */
  commit(): void;
  /** Leaves what was written to the next scan, which will have both. */
  close(): void;
}

/**
 * Opens the cache of a profile below `directory`, which is made, and readable by its owner alone. `basis` is a digest of
 * all that nodes are made from beside the files themselves.
 */
export function openCache(directory: string, profile: string, basis: Buffer): OpenCache {
  const name = createHash('sha256').update(profile).digest('hex').slice(0, 16);
  const finished = join(directory, `${name}.cache`);
  const part = join(directory, `${name}.${process.pid}.${randomUUID().slice(0, 8)}.part`);
  const left = prepare(directory, name);
  const found = [finished, ...left.slice(-1)].flatMap(file => opened(file, 'r')).map(withHead);
  const files = found.flatMap(({ file, head }) => (head ? [file] : []));
  for (const { file, head } of found) if (!head) fs.closeSync(file);
  const out = opened(part, 'ax')[0] ?? null;
  const index = indexCache(files, HEAD_BYTES);
  const heads = found.flatMap(({ head }) => (head ? [head] : []));
  const isOfBasis = heads.length > 0 && heads.every(head => head.subarray(MAGIC.length, DUE_AT).equals(basis));
  let isOpen = true;
  const close = () => {
    if (!isOpen) return;
    isOpen = false;
    for (const file of files) fs.closeSync(file);
    if (out !== null) fs.closeSync(out);
  };
  return {
    index,
    attributesDueAtS: isOfBasis ? Math.min(...heads.map(head => head.readUInt32LE(DUE_AT))) : 0,
    out,
    begin: attributesDueAtS => {
      try {
        if (out !== null) fs.writeSync(out, headOf(basis, attributesDueAtS));
      } catch {
        // No room: without its head the file is nobody's cache.
      }
    },
    commit: () => {
      close();
      if (out === null) return;
      fs.renameSync(part, finished);
      for (const file of left) fs.rmSync(file, { force: true });
      forgetOldest(directory);
    },
    close,
  };
}

function headOf(basis: Buffer, attributesDueAtS: number): Buffer {
  const due = Buffer.alloc(4);
  due.writeUInt32LE(attributesDueAtS);
  return Buffer.concat([MAGIC, basis, due]);
}

/** Files of another format, and such as were cut off, have none. */
function withHead(file: number): { file: number; head: Buffer | null } {
  const head = Buffer.alloc(HEAD_BYTES);
  const isWhole = fs.readSync(file, head, 0, HEAD_BYTES, 0) === HEAD_BYTES;
  return { file, head: isWhole && head.subarray(0, MAGIC.length).equals(MAGIC) ? head : null };
}

function opened(file: string, flags: 'r' | 'ax'): number[] {
  try {
    return [fs.openSync(file, flags, 0o600)];
  } catch {
    // Not there, or no room: a scan needs no cache.
    return [];
  }
}

/** Parts of scans that were cut off, the longest last; the others are of no use beside it. */
function prepare(directory: string, name: string): string[] {
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  return fs
    .readdirSync(directory)
    .filter(file => file.startsWith(`${name}.`) && file.endsWith('.part'))
    .filter(file => !isRunning(Number(file.split('.')[1])))
    .map(file => ({ file: join(directory, file), size: fs.statSync(join(directory, file)).size }))
    .sort((a, b) => a.size - b.size)
    .map(({ file }) => file);
}

/** A scan in this very process runs, too, as far as anybody can tell. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return pid !== process.pid;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function forgetOldest(directory: string): void {
  const files = fs.readdirSync(directory).filter(file => file.endsWith('.cache'));
  const byAge = files.map(file => ({ file: join(directory, file), at: fs.statSync(join(directory, file)).mtimeMs }));
  for (const { file } of byAge.sort((a, b) => b.at - a.at).slice(MAX_PROFILES)) fs.rmSync(file, { force: true });
}
