import { realpathSync } from 'node:fs';
import { read } from '../platform/capture.ts';
import { sizeOfTree } from '../platform/copy-tree.ts';
import { showBytes } from '../platform/file-system.ts';
import type { PackageCleaning } from '../platform/os-package.ts';
import { list } from '../platform/os-package-problems.ts';
import { needTool } from '../platform/tools.ts';
import { type Executor, report, type StepContext } from './executor.ts';
import { withPackages } from './package.ts';

/** What was freed of one thing. */
interface Cleaned {
  what: string;
  freedBytes: number;
  /** Packages that were removed. */
  removed?: string[];
}

const JOURNALS = ['/var/log/journal', '/run/log/journal'];
/** Where a kernel's package puts what it brings, and its scripts what they make of it. */
const KERNEL_PLACES = ['/boot', '/lib/modules', '/usr/lib/modules', '/usr/src'];

/** By the programs that own the places, so that nothing is deleted that one of them still needs. */
export const fileClean: Executor<'file/clean'> = async (args, context) => {
  const { packageCache, journalKeepBytes, kernelsKeep } = args;
  const cleaned: Cleaned[] = [];
  if (packageCache || kernelsKeep !== null)
    await withPackages(context, async ({ cleaning, manager }) => {
      if (!cleaning) return report(`${manager} keeps nothing that can be let go of`);
      if (packageCache) cleaned.push(await clearCache(manager, cleaning));
      if (kernelsKeep !== null) cleaned.push(await removeKernels(kernelsKeep, cleaning));
      return report('');
    });
  if (journalKeepBytes !== null) cleaned.push(await vacuumJournal(journalKeepBytes, context));
  const each = cleaned.map(({ what, freedBytes }) => `${showBytes(freedBytes)} of ${what}`);
  return report(each.length > 0 ? `freed ${each.join(' and ')}` : 'there was nothing to clean', { cleaned });

  async function clearCache(manager: string, cleaning: PackageCleaning): Promise<Cleaned> {
    const { freedBytes } = await freed(cleaning.caches, () => cleaning.clearCache(args), context);
    return { what: `${manager}'s downloads`, freedBytes };
  }

  async function removeKernels(keep: number, cleaning: PackageCleaning): Promise<Cleaned> {
    const { freedBytes, done } = await freed(KERNEL_PLACES, () => cleaning.removeOldKernels(keep, args), context);
    const removed = done.map(({ name, from }) => `${name} ${from}`);
    const which = removed.length > 0 ? ` (${list(removed)})` : ', of which none may go';
    return { what: `old kernels${which}`, freedBytes, removed };
  }
};

async function vacuumJournal(keepBytes: number, context: StepContext): Promise<Cleaned> {
  const journalctl = needTool(context.root, 'journalctl');
  // What is still being written counts only once it is rotated away.
  const vacuum = () => read([journalctl, '--rotate', `--vacuum-size=${keepBytes}`], context.place);
  const { freedBytes } = await freed(JOURNALS, vacuum, context);
  return { what: 'the journal', freedBytes };
}

async function freed<T>(
  paths: readonly string[],
  clean: () => Promise<T>,
  context: StepContext,
): Promise<{ freedBytes: number; done: T }> {
  // A place that has two names (/lib is /usr/lib) counts once.
  const places = [...new Set(paths.map(path => realPath(context.resolve(path))))];
  const size = async () => {
    const sizes = await Promise.all(places.map(sizeOfTree));
    return sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  };
  const before = await size();
  const done = await clean();
  return { freedBytes: Math.max(0, before - (await size())), done };
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
