import { constants, type Stats } from 'node:fs';
import { chmod, copyFile, lchown, lstat, mkdir, open, readdir, readlink, symlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from './file-system.ts';

export interface TreeSize {
  files: number;
  bytes: number;
  /** Sockets, pipes and devices: they have no content to keep. */
  left: number;
}

/** What a copy of `path` takes. A path that is not there takes nothing. */
export async function sizeOfTree(path: string): Promise<TreeSize> {
  const total: TreeSize = { files: 0, bytes: 0, left: 0 };
  const walk = async (at: string): Promise<void> => {
    const found = await lstat(at).catch(() => null);
    if (!found) return;
    if (found.isDirectory()) for (const name of await readdir(at)) await walk(join(at, name));
    else if (found.isFile()) {
      total.files += 1;
      total.bytes += found.size;
    } else if (!found.isSymbolicLink()) total.left += 1;
  };
  await walk(path);
  return total;
}

/** Copies with mode, times and (as root) owner, links as links, and returns once it is all on the disk. */
export async function copyTree(from: string, to: string): Promise<void> {
  const found = await lstat(from);
  if (found.isDirectory()) {
    await mkdir(to, { mode: 0o700 });
    for (const name of await readdir(from)) await copyTree(join(from, name), join(to, name));
    await keepMeta(to, found);
    await syncDirectory(to);
  } else if (found.isSymbolicLink()) {
    await symlink(await readlink(from), to);
    if (process.getuid?.() === 0) await lchown(to, found.uid, found.gid);
  } else if (found.isFile()) {
    // Where the file system can, a clone that takes no space until one of the two changes.
    await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    await keepMeta(to, found);
    const handle = await open(to, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

async function keepMeta(path: string, found: Stats): Promise<void> {
  if (process.getuid?.() === 0) await lchown(path, found.uid, found.gid);
  await chmod(path, found.mode & 0o7777);
  await utimes(path, found.atime, found.mtime);
}
