import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { chmod, lstat, mkdir, open, readdir, readlink, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CheckedEntry } from '@tidemark/shared/archive/entry-rules.ts';
import { readArchive } from './archive-read.ts';
import { syncDirectory } from './file-system.ts';
import type { ReleaseSource } from './package.ts';

export interface Unpacked {
  files: number;
  bytes: number;
}

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** Unpacks into `directory`, which must be new and empty, and returns once all of it is on the disk. */
export async function unpackInto(source: ReleaseSource, directory: string): Promise<Unpacked> {
  const done: Unpacked = { files: 0, bytes: 0 };
  const modes = new Map<string, number>();
  await readArchive(source, async (entry, content) => {
    const target = join(directory, entry.path);
    await mkdir(dirname(target), { recursive: true, mode: 0o755 });
    if (entry.kind === 'directory') {
      await mkdir(target, { recursive: true, mode: 0o755 });
      // At the end: a directory that nobody may write to could not be filled.
      modes.set(target, entry.mode);
    } else if (entry.kind === 'symlink') {
      await symlink(entry.target, target);
    } else {
      await writeFile(target, entry.mode, content);
      done.files += 1;
      done.bytes += entry.sizeBytes;
    }
  });
  for (const [path, mode] of modes) await chmod(path, mode);
  await syncTree(directory);
  return done;
}

async function writeFile(target: string, mode: number, content: AsyncIterable<Uint8Array>): Promise<void> {
  const handle = await open(target, NEW_FILE, 0o600);
  try {
    for await (const chunk of content) await handle.writeFile(chunk);
    // Not by open(): there the umask would take bits away.
    await handle.chmod(mode);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncTree(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) await syncTree(join(directory, entry.name));
  }
  await syncDirectory(directory);
}

/**
 * Compares a release directory with its archive: the first difference in words, or null. What lies there beside the
 * archive's content (logs, pid files) is no damage.
 */
export async function findDamage(
  source: ReleaseSource,
  directory: string,
): Promise<{ damage: string | null } & Unpacked> {
  const seen: Unpacked = { files: 0, bytes: 0 };
  let damage: string | null = null;
  await readArchive(source, async (entry, content) => {
    const wanted = await digestOfStream(entry.kind === 'file' && !damage ? content : null);
    if (entry.kind === 'file') {
      seen.files += 1;
      seen.bytes += entry.sizeBytes;
    }
    damage ??= await differenceAt(join(directory, entry.path), entry, wanted);
  });
  return { damage, ...seen };
}

async function differenceAt(path: string, entry: CheckedEntry, wanted: Buffer | null): Promise<string | null> {
  const found = await lstat(path).catch(() => null);
  if (!found) return `${entry.path} is missing`;
  switch (entry.kind) {
    case 'directory':
      return found.isDirectory() ? null : `${entry.path} is no directory`;
    case 'symlink':
      return found.isSymbolicLink() && (await readlink(path)) === entry.target
        ? null
        : `${entry.path} is not the link that it was`;
    case 'file': {
      if (!found.isFile()) return `${entry.path} is no file`;
      if (found.size !== entry.sizeBytes) return `${entry.path} has another size`;
      if ((found.mode & 0o777) !== entry.mode) return `${entry.path} has another mode`;
      const digest = await digestOfStream(createReadStream(path));
      return digest && wanted?.equals(digest) ? null : `${entry.path} has another content`;
    }
  }
}

async function digestOfStream(content: AsyncIterable<Uint8Array> | null): Promise<Buffer | null> {
  if (!content) return null;
  const hash = createHash('sha256');
  for await (const chunk of content) hash.update(chunk);
  return hash.digest();
}
