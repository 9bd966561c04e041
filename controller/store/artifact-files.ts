import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { ArtifactFiles } from '../bundles/ports.ts';

/** Archives under `directory`, each under the hex digits of its digest. */
export function openArtifactFiles(directory: string): ArtifactFiles {
  const path = (digest: Digest) => join(directory, digest.slice('sha256:'.length));
  return {
    path,
    adopt: async (file, digest) => {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const target = path(digest);
      if (await isWhole(target, digest)) return false;
      // A name of its own: one archive may be imported as two products at once.
      const fresh = `${target}.${randomUUID()}`;
      try {
        await move(file, fresh);
        await sync(fresh);
        await rename(fresh, target);
        await sync(directory);
        return true;
      } catch (error) {
        await rm(fresh, { force: true });
        throw error;
      }
    },
  };
}

/** A rename where both are on one file system, else a copy. */
async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    await copyFile(from, to);
    await rm(from);
  }
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Not only that it is there: disks rot, and agents refuse what is not what its digest says. */
async function isWhole(path: string, digest: Digest): Promise<boolean> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
  return `sha256:${hash.digest('hex')}` === digest;
}
