import { readdirSync, readFileSync, statSync } from 'node:fs';
import { resolveBelow } from './server-path.ts';

export interface LockHolder {
  pid: number;
  name: string;
  /** Server path of what it has. */
  path: string;
}

/** Who has a POSIX lock on one of these files, as far as the kernel tells this process; null where nobody has. */
export function holderOfLock(root: string, paths: readonly string[]): LockHolder | null {
  const byInode = new Map(
    paths.flatMap(path => {
      const inode = statSync(resolveBelow(root, path), { throwIfNoEntry: false })?.ino;
      return inode === undefined ? [] : [[inode, path] as const];
    }),
  );
  for (const line of readText('/proc/locks').split('\n')) {
    const found = /\sWRITE (\d+) [0-9a-f]+:[0-9a-f]+:(\d+) /.exec(line);
    const path = byInode.get(Number(found?.[2]));
    if (found && path !== undefined && !line.includes('->')) return { ...processOf(Number(found[1])), path };
  }
  return null;
}

/** Whose process id stands in one of these files, and still runs. */
export function holderByPidFile(root: string, paths: readonly string[]): LockHolder | null {
  for (const path of paths) {
    const pid = Number.parseInt(readText(resolveBelow(root, path)), 10);
    if (pid > 0 && readText(`/proc/${pid}/comm`) !== '') return { ...processOf(pid), path };
  }
  return null;
}

/** Which process has this file open; null where none has, or there is no such file. */
export function holderOfOpenFile(root: string, path: string): LockHolder | null {
  const wanted = statSync(resolveBelow(root, path), { throwIfNoEntry: false });
  if (!wanted) return null;
  for (const name of readdirSync('/proc').filter(each => /^\d+$/.test(each))) {
    const has = namesIn(`/proc/${name}/fd`).some(fd => isSame(`/proc/${name}/fd/${fd}`, wanted));
    if (has) return { ...processOf(Number(name)), path };
  }
  return null;
}

function isSame(path: string, wanted: { dev: number; ino: number }): boolean {
  try {
    const { dev, ino } = statSync(path);
    return dev === wanted.dev && ino === wanted.ino;
  } catch {
    return false;
  }
}

const processOf = (pid: number): { pid: number; name: string } => ({
  pid,
  name: readText(`/proc/${pid}/comm`).trim() || 'a process that has ended',
});

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
