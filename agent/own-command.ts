import { realpathSync } from 'node:fs';
import { isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';

/** How this very program is started again, for steps. */
export type OwnCommand = readonly [string, ...string[]];

/*
 * What a step throws away is collected by the megabyte, not by sixteen, and what has grown old when it grew by a fifth: a
 * scan's threads would each keep 10 MB of it. It is slower in nothing that could be measured. Never set while threads run: V8
 * dies of that.
 */
const COLLECT_OFTEN = ['--max-semi-space-size=1', '--heap-growing-percent=20'];
// V8 may die of keys that protect the memory of compiled code while threads come and go (docs/decisions/0481).
const NO_KEYS = process.platform === 'linux' && process.arch === 'x64' ? ['--no-memory-protection-keys'] : [];
const STEP_OPTIONS = ['--disable-warning=ExperimentalWarning', ...COLLECT_OFTEN, ...NO_KEYS];

/**
 * The executable of one file begins with the options of an agent that waits (installers/package/executable.ts); a step computes,
 * and takes them back.
 */
const COMPILED = ['--no-optimize-for-size', '--opt', '--maglev'];

export function ownCommand(): OwnCommand {
  if (isSea()) return [process.execPath, `--node-options=${[...STEP_OPTIONS, ...COMPILED].join(' ')}`];
  return [process.execPath, ...STEP_OPTIONS, realpathSync(fileURLToPath(import.meta.url))];
}
