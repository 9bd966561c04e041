import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { CommandPlace } from './command.ts';
import { keyOf, type PackageBackend } from './file-package-backend.ts';
import { FilePackageStore } from './file-package-store.ts';
import { type FileState, isWell } from './file-packages-check.ts';
import { describeHolder, lockedProblem } from './os-package-problems.ts';
import { readUnsettled } from './os-package-record.ts';
import type { Tool, ToolEnd } from './os-package-tool.ts';

/** What all that is done with packages from files stands on. */
export interface FileGround {
  root: string;
  backend: PackageBackend;
  tool: Tool;
  store: FilePackageStore;
  /** A line of the step's output. */
  say(line: string): void;
  /** What is installed, and what of it is not well, also by what the manager has forgotten. */
  look(): Promise<FileState>;
  /** Runs something once nobody else works with the packages; throws `locked` where that takes too long. */
  whenFree(waitMs: number, run: () => Promise<ToolEnd>): Promise<ToolEnd>;
}

/** Between two looks at a lock that somebody has. */
const LOCK_POLL_MS = 500;

export function createFileGround(backend: PackageBackend, tool: Tool, place: CommandPlace, clock: Clock): FileGround {
  const { root } = place;
  const say = (line: string) => place.output(Buffer.from(`${line}\n`), 'stdout');

  async function look(): Promise<FileState> {
    const { all, native } = await backend.look();
    const unsettled = new Map(readUnsettled(root).map(each => [each.key, each]));
    const seen = all.map(each => {
      const entry = unsettled.get(keyOf(each, native));
      return entry?.version === each.version && isWell(each) ? { ...each, state: entry.why } : each;
    });
    return { all: seen, native, byKey: new Map(seen.map(each => [keyOf(each, native), each])) };
  }

  async function whenFree(waitMs: number, run: () => Promise<ToolEnd>): Promise<ToolEnd> {
    const begun = clock.monotonic();
    for (let told = false; ; ) {
      const before = backend.lockHolder();
      const end = before ? null : await run();
      if (end && !backend.saysLocked(end)) return end;
      const holder = before ?? backend.lockHolder() ?? { pid: 0, name: '', path: 'the lock' };
      const waitedMs = clock.monotonic() - begun;
      if (waitedMs >= waitMs || place.signal.aborted) throw lockedProblem(holder, waitedMs);
      if (!told) say(`waiting for ${describeHolder(holder)}, which has ${holder.path}`);
      told = true;
      await delay(LOCK_POLL_MS);
    }
  }

  return { root, backend, tool, store: new FilePackageStore(root), say, look, whenFree };
}
