import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { capture, read } from './capture.ts';
import type { CommandPlace } from './command.ts';
import { type Kept, type SnapshotMethod, SnapshotProblem, type SnapshotTarget } from './snapshot.ts';
import { needSpace } from './snapshot-space.ts';
import { removeBeside, stageFor, swapIn } from './snapshot-swap.ts';
import { needTool } from './tools.ts';

/** Beside the subvolume, since a snapshot lies on its file system. */
const PLACE = '.tidemark-snapshots';

/** Read-only snapshots of subvolumes: they take a few milliseconds, and space only as the two grow apart. */
export function createBtrfsSnapshots(place: CommandPlace): SnapshotMethod {
  const btrfs = (...args: string[]) => read([needTool(place.root, 'btrfs'), ...args], place);
  const deleteSubvolume = async (path: string) => {
    if (existsSync(path)) await btrfs('subvolume', 'delete', '--commit-after', path);
  };

  const check = async ({ path, at }: SnapshotTarget): Promise<void> => {
    const shown = await capture([needTool(place.root, 'btrfs'), 'subvolume', 'show', at], place);
    if (shown.status !== 0)
      throw new SnapshotProblem(`${path} is no btrfs subvolume: name one, or take another method of snapshot`);
    if (isMountPoint(at))
      throw new SnapshotProblem(`${path} is a mount point, so it could not be put back; name subvolumes below it`);
    if ((await btrfs('subvolume', 'list', '-o', at)).trim() !== '')
      throw new SnapshotProblem(`${path} has subvolumes of its own, which its snapshot would not hold; name each`);
  };

  return {
    method: 'btrfs',

    async create(name, targets) {
      const there = targets.filter(({ at }) => lstatSync(at, { throwIfNoEntry: false }) !== undefined);
      for (const target of there) await check(target);
      for (const { at } of there) needSpace(`the snapshot ${name}`, 0, at);
      const kept: Kept[] = [];
      try {
        for (const [index, target] of targets.entries()) {
          const { path, at } = target;
          const reference = referenceOf(name, index, target);
          if (!there.includes(target)) {
            kept.push({ path, there: false, reference, bytes: 0 });
            continue;
          }
          await mkdir(dirname(reference), { recursive: true, mode: 0o700 });
          // One of the same name that nobody vouched for was cut off.
          await deleteSubvolume(reference);
          await btrfs('subvolume', 'snapshot', '-r', at, reference);
          kept.push({ path, there: true, reference, bytes: 0 });
        }
        for (const { at } of there.slice(0, 1)) await btrfs('filesystem', 'sync', at);
      } catch (error) {
        for (const { reference } of kept) await deleteSubvolume(reference);
        throw error;
      }
      return { kept, files: 0, bytes: 0, left: 0 };
    },

    async discard(name, targets) {
      for (const [index, target] of targets.entries()) await deleteSubvolume(referenceOf(name, index, target));
    },

    async revert({ there, reference }, { at }) {
      await removeBeside(at, 'revert', remove);
      if (!there) return swapIn(null, at, remove);
      const stage = stageFor(at);
      await btrfs('subvolume', 'snapshot', reference, stage);
      try {
        await swapIn(stage, at, remove);
      } catch (error) {
        await deleteSubvolume(stage);
        throw error;
      }
    },

    async remove(kept) {
      for (const { reference } of kept) await deleteSubvolume(reference);
    },
  };

  /** What stands in the place by now may be a plain directory or a file. */
  async function remove(path: string): Promise<void> {
    const shown = await capture([needTool(place.root, 'btrfs'), 'subvolume', 'show', path], place);
    if (shown.status === 0) return deleteSubvolume(path);
    await rm(path, { recursive: true, force: true });
  }
}

const referenceOf = (name: string, index: number, { at }: SnapshotTarget): string =>
  join(dirname(at), PLACE, `${name}-${index}-${basename(at)}`);

/** By the kernel's own list: on btrfs every subvolume is a device of its own. */
function isMountPoint(path: string): boolean {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map(line =>
      (line.split(' ')[4] ?? '').replace(/\\(\d{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8))),
    );
  return mounts.includes(path);
}
