import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { copyTree, sizeOfTree } from './copy-tree.ts';
import { besideName, isNoSpace, syncDirectory } from './file-system.ts';
import { type Kept, type SnapshotMethod, SnapshotProblem, type SnapshotTarget, type Taken } from './snapshot.ts';
import { needSpace, noSpace } from './snapshot-space.ts';
import { removeBeside, stageFor, swapIn } from './snapshot-swap.ts';

/** Copies: `<directory>/<name>/<n>` for the n-th path. There whole or not at all. */
export function createCopySnapshots(directory: string): SnapshotMethod {
  return {
    method: 'copy',

    async create(name, targets): Promise<Taken> {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      for (const target of targets) refuseOwnPlace(target, directory);
      await removePartials(directory, name);
      const size = { files: 0, bytes: 0, left: 0 };
      const sizes: number[] = [];
      for (const { at } of targets) {
        const { files, bytes, left } = await sizeOfTree(at);
        sizes.push(bytes);
        size.files += files;
        size.bytes += bytes;
        size.left += left;
      }
      needSpace(`the snapshot ${name}`, size.bytes, directory);
      const place = join(directory, name);
      const partial = besideName(join(directory, `.${name}`), 'partial');
      try {
        await mkdir(partial, { mode: 0o700 });
        const kept: Kept[] = [];
        for (const [index, target] of targets.entries()) {
          const there = await copyOne(target, join(partial, String(index)));
          kept.push({ path: target.path, there, reference: join(place, String(index)), bytes: sizes[index] ?? 0 });
        }
        // Whole, and nobody vouched for it: the attempt that made it was cut off before it could say so.
        await rm(place, { recursive: true, force: true });
        await rename(partial, place);
        await syncDirectory(directory);
        return { ...size, kept };
      } catch (error) {
        await rm(partial, { recursive: true, force: true });
        throw isNoSpace(error) ? noSpace(`the snapshot ${name}`, size.bytes, directory) : error;
      }
    },

    async revert({ there, reference, bytes }, { at }) {
      await removeBeside(at, 'revert');
      if (!there) return swapIn(null, at);
      needSpace(`what is put back to ${at}`, bytes, at);
      const stage = stageFor(at);
      try {
        await copyTree(reference, stage);
        await swapIn(stage, at);
      } catch (error) {
        await rm(stage, { recursive: true, force: true });
        throw isNoSpace(error) ? noSpace(`what is put back to ${at}`, bytes, at) : error;
      }
    },

    async discard(name) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await removePartials(directory, name);
      await rm(join(directory, name), { recursive: true, force: true });
    },

    async remove(kept) {
      // All of one snapshot lie in one directory.
      for (const place of new Set(kept.map(({ reference }) => dirname(reference))))
        await rm(place, { recursive: true, force: true });
    },
  };
}

/** A copy of what holds the copies would have no end. */
function refuseOwnPlace({ path, at }: SnapshotTarget, directory: string): void {
  if (relative(at, directory).startsWith('..')) return;
  throw new SnapshotProblem(
    `${path} holds the agent's own snapshots; name the directories in it that the patch changes`,
  );
}

/** False where there is nothing to copy: that it was not there is worth keeping too. */
async function copyOne({ at }: SnapshotTarget, to: string): Promise<boolean> {
  try {
    await copyTree(at, to);
    return true;
  } catch (error) {
    const { code, path: where } = error as NodeJS.ErrnoException;
    // That something vanished from below is not known to be harmless.
    if (code === 'ENOENT' && where === at) return false;
    throw error;
  }
}

async function removePartials(directory: string, name: string): Promise<void> {
  for (const entry of await readdir(directory))
    if (entry.startsWith(`.${name}.partial-`)) await rm(join(directory, entry), { recursive: true, force: true });
}
