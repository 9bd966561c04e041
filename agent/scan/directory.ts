import fs from 'node:fs';

const SLASH = Buffer.from('/');
const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = fs.constants;

/**
 * An open directory. What is in it is reached through the descriptor, never through its path: a directory that somebody
 * swaps for a link while the scan is below it cannot lead the scan elsewhere, and paths have no greatest length.
 */
export interface OpenDirectory {
  stat: fs.BigIntStats;
  /** Where to reach `name` in this directory. */
  at(name: Buffer): Buffer;
  names(): Buffer[];
  close(): void;
}

/** Where descriptors can be used as directories; elsewhere paths have to do. */
const DESCRIPTORS = '/proc/self/fd';
const canReachDescriptors = fs.existsSync(DESCRIPTORS);

/** Opens a directory without following a link at its end. Throws the system's error. */
export function openDirectory(path: Buffer): OpenDirectory {
  return opened(fs.openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), path);
}

/** Opens the directory that an operator named, wherever links lead. Throws the system's error. */
export function openNamedDirectory(path: string): OpenDirectory {
  return opened(fs.openSync(path, O_RDONLY | O_DIRECTORY), Buffer.from(path));
}

function opened(descriptor: number, path: Buffer): OpenDirectory {
  const base = canReachDescriptors ? Buffer.from(`${DESCRIPTORS}/${descriptor}`) : path;
  return {
    stat: fs.fstatSync(descriptor, { bigint: true }),
    at: name => Buffer.concat([base, SLASH, name]),
    // The slash makes the system enter the descriptor's directory.
    names: () => fs.readdirSync(Buffer.concat([base, SLASH]), { encoding: 'buffer' }),
    close: () => fs.closeSync(descriptor),
  };
}

/** The code of a system call's error, or an empty string. */
export const errorCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
