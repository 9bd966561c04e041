import { createHash, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { type CacheIndex, indexCache } from './cache-index.ts';

/*
 * The files of the stat cache, one for each profile: `<profile>.cache` of the last scan that came to its end, and
 * `<profile>.<pid>.<n>.part` of each that goes on. What a scan that was cut off has read is found by the next one.
 */

/** More profiles are not in use on one server; the oldest go first. */
const MAX_PROFILES = 16;

export interface OpenCache {
  index: CacheIndex;
  /** Opened for appending; null where there is no room. */
  out: number | null;
  /** Makes what was written the cache of the next scan. */
  commit(): void;
  /** Leaves what was written to the next scan, which will have both. */
  close(): void;
}

/** Opens the cache of a profile below `directory`, which is made, and readable by its owner alone. */
export function openCache(directory: string, profile: string): OpenCache {
  const name = createHash('sha256').update(profile).digest('hex').slice(0, 16);
  const finished = join(directory, `${name}.cache`);
  const part = join(directory, `${name}.${process.pid}.${randomUUID().slice(0, 8)}.part`);
  const left = prepare(directory, name);
  const files = [finished, ...left.slice(-1)].flatMap(file => opened(file, 'r'));
  const out = opened(part, 'ax')[0] ?? null;
  const index = indexCache(files);
  let isOpen = true;
  const close = () => {
    if (!isOpen) return;
    isOpen = false;
    for (const file of files) fs.closeSync(file);
    if (out !== null) fs.closeSync(out);
  };
  return {
    index,
    out,
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
