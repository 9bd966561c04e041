import { argv, env, execArgv, execPath } from 'node:process';

/*
 * A controller makes much that is garbage at once, and what it holds comes and goes in large pieces: by the defaults of V8
 * and of the C library nine tenths of its memory in a night were such leavings. Their limits count from the beginning of a
 * process only: docs/decisions/0380.
 */
const FLAGS = [
  /** MiB of each half of the young generation, which V8 lets grow to 64. Smaller ones let garbage of whole answers grow old. */
  '--max-semi-space-size=8',
  /** How much the old generation grows by, in percent of what is in use, before it is collected again. V8 takes up to 300. */
  '--heap-growing-percent=50',
] as const;

/** mallopt(3). Pieces from this size on go back at once when they are freed; the size would grow with what is freed. */
const MEMORY = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: `${128 * 1024}`,
  MALLOC_TRIM_THRESHOLD_: `${1024 * 1024}`,
} as const;

type Environment = Readonly<Record<string, string | undefined>>;

/** What the process has to begin anew with; null where it has begun so. What a person gave counts more. */
export function leanStart(process: {
  execPath: string;
  execArgv: readonly string[];
  argv: readonly string[];
  env: Environment;
}): { argv: string[]; env: Environment } | null {
  if (FLAGS.every(flag => process.execArgv.includes(flag))) return null;
  // Of an option that comes twice, V8 takes the last.
  const anew = [process.execPath, ...FLAGS, ...process.execArgv, ...process.argv.slice(1)];
  return { argv: anew, env: { ...MEMORY, ...process.env } };
}

/** Begins this process anew with limits to its memory, unless it has them: same process id, nothing of before is left. */
export function beginLean(): void {
  const anew = leanStart({ execPath, execArgv, argv, env });
  if (anew) process.execve?.(execPath, anew.argv, { ...anew.env });
}
