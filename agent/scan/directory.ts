import fs from 'node:fs';

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = fs.constants;

/**
 * An open directory. What is in it is reached through the descriptor, never through its path: a directory that somebody
 * swaps for a link while the scan is below it cannot lead the scan elsewhere, and paths have no greatest length.
 * Names are bytes as latin1, one character a byte.
 */
export interface OpenDirectory {
  descriptor: number;
  stat: fs.BigIntStats;
  /** Where to reach `name` in this directory. */
  at(name: string): Reach;
  /** In the order of their bytes. */
  names(): string[];
  /** The same with what kind each is, as far as the file system says so beside the name. */
  listed(): ListedName[];
  close(): void;
}

/** A name in a directory. Neither a directory nor a file: anything else, or not known. */
export type ListedName = Pick<fs.Dirent<string>, 'name' | 'isDirectory' | 'isFile'>;

const no = () => false;

/** What system calls take: text where the bytes are ASCII, which is quicker, else the bytes. */
export type Reach = string | Buffer;

/** Where descriptors can be used as directories; elsewhere paths have to do. */
const DESCRIPTORS = '/proc/self/fd';
const canReachDescriptors = fs.existsSync(DESCRIPTORS);

// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
const ASCII = /^[\x00-\x7f]*$/;

export const reachable = (path: string): Reach => (ASCII.test(path) ? path : Buffer.from(path, 'latin1'));

/** Opens a directory without following a link at its end. Throws the system's error. */
export function openDirectory(path: Reach): OpenDirectory {
  return opened(fs.openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), path);
}

/** Opens the directory that an operator named, wherever links lead. Throws the system's error. */
export function openNamedDirectory(path: string): OpenDirectory {
  return opened(fs.openSync(path, O_RDONLY | O_DIRECTORY), Buffer.from(path));
}

/** A directory that another thread of this process has open, and closes when it hears that it is no longer needed. */
export const sharedDirectory = (descriptor: number): Pick<OpenDirectory, 'descriptor' | 'at'> => ({
  descriptor,
  at: name => reachable(`${DESCRIPTORS}/${descriptor}/${name}`),
});

function opened(descriptor: number, path: Reach): OpenDirectory {
  const base = canReachDescriptors ? `${DESCRIPTORS}/${descriptor}/` : `${latin1(path)}/`;
  // The slash makes the system enter the descriptor's directory.
  const names = () => fs.readdirSync(reachable(base), { encoding: 'latin1' }).sort();
  return {
    descriptor,
    stat: fs.fstatSync(descriptor, { bigint: true }),
    at: name => reachable(base + name),
    names,
    listed: () => {
      try {
        const listed = fs.readdirSync(reachable(base), { encoding: 'latin1', withFileTypes: true });
        return listed.sort((a, b) => (a.name < b.name ? -1 : 1));
      } catch (error) {
        // Where a file system says no kinds, names are looked at, by paths that not every name can be in.
        if (errorCode(error) !== 'ENOENT') throw error;
        return names().map(name => ({ name, isDirectory: no, isFile: no }));
      }
    },
    close: () => fs.closeSync(descriptor),
  };
}

const latin1 = (path: Reach): string => (typeof path === 'string' ? path : path.toString('latin1'));

/** The code of a system call's error, or an empty string. */
export const errorCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
