import { read } from '../platform/capture.ts';
import { sizeOfTree } from '../platform/copy-tree.ts';
import { showBytes } from '../platform/file-system.ts';
import { needTool } from '../platform/tools.ts';
import { type Executor, report, type StepContext } from './executor.ts';

/** By the programs that own the places, so that nothing is deleted that one of them still needs. */
export const fileClean: Executor<'file/clean'> = async ({ aptCache, journalKeepBytes }, context) => {
  const cleaned: { what: string; freedBytes: number }[] = [];
  if (aptCache) {
    const clean = () => read([needTool(context.root, 'apt-get'), 'clean'], context.place);
    const freedBytes = await freed(['/var/cache/apt'], clean, context);
    cleaned.push({ what: "apt's downloads", freedBytes });
  }
  if (journalKeepBytes !== null) {
    const journalctl = needTool(context.root, 'journalctl');
    // What is still being written counts only once it is rotated away.
    const vacuum = () => read([journalctl, '--rotate', `--vacuum-size=${journalKeepBytes}`], context.place);
    const freedBytes = await freed(['/var/log/journal', '/run/log/journal'], vacuum, context);
    cleaned.push({ what: 'the journal', freedBytes });
  }
  const each = cleaned.map(({ what, freedBytes }) => `${showBytes(freedBytes)} of ${what}`);
  return report(`freed ${each.join(' and ')}`, { cleaned });
};

async function freed(paths: readonly string[], clean: () => Promise<unknown>, context: StepContext): Promise<number> {
  const size = async () => {
    const sizes = await Promise.all(paths.map(path => sizeOfTree(context.resolve(path))));
    return sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  };
  const before = await size();
  await clean();
  return Math.max(0, before - (await size()));
}
