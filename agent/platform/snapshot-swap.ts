import { lstat, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { besideName, syncDirectory } from './file-system.ts';
import { SnapshotProblem } from './snapshot.ts';

/** Where the state that comes back is built: beside its place, so that one rename puts it there. */
export const stageFor = (at: string): string => besideName(at, 'revert');

const REMOVE_TREE = (path: string) => rm(path, { recursive: true, force: true });

/**
 * Puts what lies at `stage` (null: nothing) in the place of `at`. A file is replaced in one step. A directory takes two
 * renames, between which there is none for a moment; a power cut then leaves the old one beside it, and the next attempt
 * takes that away.
 */
export async function swapIn(
  stage: string | null,
  at: string,
  remove: (path: string) => Promise<void> = REMOVE_TREE,
): Promise<void> {
  const now = await lstat(at).catch(() => null);
  const next = stage === null ? null : await lstat(stage);
  if (stage !== null && (now === null || !(now.isDirectory() || next?.isDirectory()))) await rename(stage, at);
  else if (now !== null) await exchange(stage, at);
  await syncDirectory(dirname(at)).catch(() => undefined);
  await removeBeside(at, 'replaced', remove);
}

async function exchange(stage: string | null, at: string): Promise<void> {
  const old = besideName(at, 'replaced');
  await rename(at, old).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EBUSY' && error.code !== 'EXDEV') throw error;
    throw new SnapshotProblem(`${at} is a mount point and cannot be replaced; put back what is in it by hand`);
  });
  if (stage === null) return;
  try {
    await rename(stage, at);
  } catch (error) {
    await rename(old, at);
    throw error;
  }
}

/** Takes away what an attempt that was cut off has left beside a path. */
export async function removeBeside(
  at: string,
  what: 'revert' | 'replaced',
  remove: (path: string) => Promise<void> = REMOVE_TREE,
): Promise<void> {
  const parent = dirname(at);
  const prefix = `${basename(at)}.${what}-`;
  for (const name of await readdir(parent).catch(() => [])) {
    // Exactly as besideName makes them: nobody else's files are touched.
    if (name.startsWith(prefix) && /^[0-9a-f]{12}$/.test(name.slice(prefix.length))) await remove(join(parent, name));
  }
}
