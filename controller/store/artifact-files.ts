import { randomUUID } from 'node:crypto';
import { access, copyFile, mkdir, open, rename, rm } from 'node:fs/promises';
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
      if (await exists(target)) return;
      // A name of its own: one archive may be imported as two products at once.
      const fresh = `${target}.${randomUUID()}`;
      try {
        await move(file, fresh);
        await sync(fresh);
        await rename(fresh, target);
        await sync(directory);
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

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
