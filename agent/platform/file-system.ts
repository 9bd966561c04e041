import { randomBytes } from 'node:crypto';
import { lstatSync, readFileSync, statfsSync } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

export interface FileSystemSpace {
  /** Where it is mounted. */
  mount: string;
  device: number;
  /** For those without privileges: what may really be used. */
  freeBytes: number;
  totalBytes: number;
}

/** The file system that a path lies on or, where it is not there yet, will lie on. */
export function spaceAt(path: string): FileSystemSpace {
  const existing = nearestExisting(resolve(path));
  const { bavail, blocks, bsize } = statfsSync(existing);
  const device = lstatSync(existing).dev;
  return { mount: mountOf(existing, device), device, freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

function nearestExisting(path: string): string {
  let at = path;
  while (at !== dirname(at)) {
    if (lstatSync(at, { throwIfNoEntry: false })) return at;
    at = dirname(at);
  }
  return at;
}

/** The highest directory above that is on the same device. */
function mountOf(path: string, device: number): string {
  let at = path;
  while (at !== dirname(at) && lstatSync(dirname(at)).dev === device) at = dirname(at);
  return at;
}

/** A name beside `path` that nobody has: what is not complete lies there until it is. */
export const besideName = (path: string, what: string): string => `${path}.${what}-${randomBytes(6).toString('hex')}`;

/** Makes the names in a directory survive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Whether a name is one that {@link writeFileAtomically} gives to what is not whole yet. */
export const isDraft = (name: string): boolean => /\.new-[0-9a-f]{12}$/.test(name);

/** Puts a file in place whole or not at all, also across a power cut. */
export async function writeFileAtomically(path: string, data: string | Uint8Array, mode = 0o600): Promise<void> {
  const temporary = besideName(path, 'new');
  const handle: FileHandle = await open(temporary, 'wx', mode);
  try {
    await handle.writeFile(data);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

/** JSON of a file, or undefined where there is none or it is not whole. */
export function readJsonFile(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

export const isNoSpace = (error: unknown): boolean => {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT';
};

export const isNotFound = (error: unknown): boolean => (error as NodeJS.ErrnoException | null)?.code === 'ENOENT';

/** `1.4 GiB`, for people. */
export function showBytes(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return unit === 0 ? `${bytes} bytes` : `${value.toFixed(1)} ${units[unit]}`;
}
