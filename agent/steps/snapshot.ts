import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { z } from 'zod';
import { copyTree, sizeOfTree } from '../platform/copy-tree.ts';
import {
  besideName,
  isNoSpace,
  readJsonFile,
  showBytes,
  spaceAt,
  syncDirectory,
  writeFileAtomically,
} from '../platform/file-system.ts';
import { type Executor, report, type StepContext, StepFailed } from './executor.ts';

/*
 * Copies of what a patch will change: `<stateDir>/snapshots/<name>/<n>` for the n-th path and `snapshot.json`, which
 * says which that is. A snapshot is there whole or not at all.
 */

const Snapshot = z.strictObject({
  format: z.literal('tidemark/snapshot/v1'),
  name: z.string(),
  createdAt: z.int(),
  paths: z.array(z.strictObject({ path: z.string(), there: z.boolean() })),
  files: z.int(),
  bytes: z.int(),
});

/** Stays free: a backup must not be what fills the disk. */
const RESERVE_BYTES = 16 * 1024 * 1024;

const snapshotsIn = (stateDir: string): string => join(stateDir, 'snapshots');

/** A snapshot of that name that is whole stays as it is: what a second attempt would copy may be patched already. */
export const snapshotCreate: Executor<'snapshot/create'> = async ({ name, paths }, context) => {
  const directory = join(snapshotsIn(context.stateDir), name);
  const before = Snapshot.safeParse(readJsonFile(join(directory, 'snapshot.json')));
  if (before.success) {
    const { files, bytes, createdAt } = before.data;
    return report(`the snapshot ${name} is there already, of ${new Date(createdAt).toISOString()}`, {
      name,
      files,
      bytes,
    });
  }
  await mkdir(snapshotsIn(context.stateDir), { recursive: true, mode: 0o700 });
  for (const path of paths) refuseOwnPlace(path, context);
  await removePartials(context.stateDir, name);
  const size = await checkCapacity(name, paths, context);
  const partial = besideName(join(snapshotsIn(context.stateDir), `.${name}`), 'partial');
  try {
    await mkdir(partial, { mode: 0o700 });
    const kept: { path: string; there: boolean }[] = [];
    for (const [index, path] of paths.entries()) kept.push(await copyOne(context, path, join(partial, String(index))));
    const manifest = { format: 'tidemark/snapshot/v1', name, createdAt: context.clock.now(), paths: kept, ...size.of };
    await writeFileAtomically(join(partial, 'snapshot.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    await rename(partial, directory);
    await syncDirectory(dirname(directory));
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw isNoSpace(error) ? noSpace(name, size.of.bytes, context) : error;
  }
  const left = size.left > 0 ? `; ${size.left} sockets, pipes or devices have no content and are left out` : '';
  return report(`${size.of.files} files (${showBytes(size.of.bytes)}) are copied to the snapshot ${name}${left}`, {
    name,
    ...size.of,
  });
};

export const snapshotDelete: Executor<'snapshot/delete'> = async ({ name }, context) => {
  const directory = join(snapshotsIn(context.stateDir), name);
  const { files, bytes } = await sizeOfTree(directory);
  await rm(directory, { recursive: true, force: true });
  return report(
    files > 0 ? `the snapshot ${name} is deleted: ${showBytes(bytes)} are free again` : `there is no snapshot ${name}`,
    {
      name,
      bytes,
    },
  );
};

/** A copy of what holds the copies would have no end. */
function refuseOwnPlace(path: string, context: StepContext): void {
  const from = relative(context.resolve(path), snapshotsIn(context.stateDir));
  if (from.startsWith('..')) return;
  throw new StepFailed(`${path} holds the agent's own snapshots; name the directories in it that the patch changes`);
}

async function checkCapacity(name: string, paths: readonly string[], context: StepContext) {
  const of = { files: 0, bytes: 0 };
  let left = 0;
  for (const path of paths) {
    const size = await sizeOfTree(context.resolve(path));
    of.files += size.files;
    of.bytes += size.bytes;
    left += size.left;
  }
  const { freeBytes } = spaceAt(snapshotsIn(context.stateDir));
  if (freeBytes < of.bytes + RESERVE_BYTES) throw noSpace(name, of.bytes, context);
  return { of, left };
}

async function copyOne(context: StepContext, path: string, to: string): Promise<{ path: string; there: boolean }> {
  try {
    await copyTree(context.resolve(path), to);
    return { path, there: true };
  } catch (error) {
    const { code, path: where } = error as NodeJS.ErrnoException;
    // That it was not there is worth keeping too; that it vanished from below is not known to be harmless.
    if (code === 'ENOENT' && where === context.resolve(path)) return { path, there: false };
    throw error;
  }
}

function noSpace(name: string, bytes: number, context: StepContext): StepFailed {
  const { mount, freeBytes } = spaceAt(snapshotsIn(context.stateDir));
  const need = bytes + RESERVE_BYTES;
  return new StepFailed(
    `no space for the snapshot ${name} on ${mount}: it takes ${showBytes(bytes)} and ${showBytes(RESERVE_BYTES)} must ` +
      `stay free; ${freeBytes} bytes are free, ${Math.max(0, need - freeBytes)} bytes are missing; free some and try again`,
  );
}

async function removePartials(stateDir: string, name: string): Promise<void> {
  for (const entry of await readdir(snapshotsIn(stateDir))) {
    if (entry.startsWith(`.${name}.partial-`))
      await rm(join(snapshotsIn(stateDir), entry), { recursive: true, force: true });
  }
}
