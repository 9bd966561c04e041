import { argv, execArgv, execPath } from 'node:process';

/*
 * V8 lets the young generation grow to 128 MiB where much becomes garbage at once, as on a controller: most of its memory
 * was that. Such a limit counts only from the beginning of a process: docs/decisions/0380.
 */
const FLAGS = [
  /** MiB of each half of the young generation. Smaller ones let garbage of whole answers grow old. */
  '--max-semi-space-size=8',
] as const;

/** What the process has to begin anew with; null where it has begun so. What a person gave counts more, since it comes last. */
export function leanArguments(process: {
  execPath: string;
  execArgv: readonly string[];
  argv: readonly string[];
}): string[] | null {
  if (FLAGS.every(flag => process.execArgv.includes(flag))) return null;
  return [process.execPath, ...FLAGS, ...process.execArgv, ...process.argv.slice(1)];
}

/** Begins this process anew with limits to its memory, unless it has them: same process id, nothing of before is left. */
export function beginLean(): void {
  const anew = leanArguments({ execPath, execArgv, argv });
  if (anew) process.execve?.(execPath, anew, process.env);
}
