import { commands } from './apt-commands.ts';
import { prepareDownloads } from './apt-files.ts';
import { candidatesOf } from './apt-resolve.ts';
import { type AptState, hasTriggersLeft, isInterrupted, keyOf, mustBeUnpackedAgain, specOf } from './apt-state.ts';
import type { Argv } from './command.ts';
import type { ChangeRequest } from './os-package.ts';
import type { Tool, ToolEnd } from './os-package-tool.ts';

interface AptParts {
  root: string;
  tool: Tool;
  toolFor(conffiles: ChangeRequest['conffiles']): Tool;
  /** Runs a command once nobody else works with the packages. */
  act(argv: Argv, waitMs: number, by?: Tool): Promise<ToolEnd>;
  look(): Promise<AptState>;
}

/** What becomes of work that was cut off: by a power cut, a kill, a full disk. */
export interface AptUnfinished {
  /** Finishes what was cut off. What its scripts do not let it finish is left for whoever asks next. */
  finish(waitMs: number, conffiles: ChangeRequest['conffiles'], without?: 'leave' | 'newest'): Promise<ToolEnd[]>;
  /** The state to begin with: whole, or with the words of who made it otherwise. */
  begin(request: Pick<ChangeRequest, 'lockWaitMs' | 'conffiles'>): Promise<AptState>;
}

export function createAptUnfinished({ root, tool, toolFor, act, look }: AptParts): AptUnfinished {
  async function finish(
    waitMs: number,
    conffiles: ChangeRequest['conffiles'],
    without: 'leave' | 'newest' = 'leave',
  ): Promise<ToolEnd[]> {
    const configured = await act(commands.configure(conffiles), waitMs, toolFor(conffiles));
    const fixed = await act(commands.fixBroken(), waitMs);
    // Neither of the two unpacks again what was cut off while it was unpacked, nor does an upgrade to the version that it has.
    const again = await unpackedAgain(await look(), without);
    const ends = again.length > 0 ? [await act(commands.reinstall(again), waitMs)] : [];
    return [configured, fixed, ...ends];
  }

  /** For apt. In their own versions; those that no repository has any more in its newest, or left to the change to come. */
  async function unpackedAgain({ all, native }: AptState, without: 'leave' | 'newest'): Promise<string[]> {
    const again = all.filter(mustBeUnpackedAgain);
    const candidates = await candidatesOf(
      tool,
      again.map(each => specOf(each, native)),
    );
    const available = new Set(candidates.map(each => specOf(each, native)));
    return again.flatMap(each => {
      const spec = specOf(each, native);
      if (available.has(spec)) return [spec];
      return without === 'newest' ? [keyOf(each, native)] : [];
    });
  }

  async function begin(request: Pick<ChangeRequest, 'lockWaitMs' | 'conffiles'>): Promise<AptState> {
    await prepareDownloads(root, null);
    const found = await look();
    const cutOff = isInterrupted(root) || found.all.some(mustBeUnpackedAgain);
    if (cutOff) await finish(request.lockWaitMs, request.conffiles);
    const state = cutOff ? await look() : found;
    if (!state.all.some(hasTriggersLeft)) return state;
    // What was cut off between two runs of dpkg does not count as interrupted, and no later run takes up its triggers.
    await act(commands.triggers(), request.lockWaitMs);
    return look();
  }

  return { finish, begin };
}
