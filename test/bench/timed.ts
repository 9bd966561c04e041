import { spawnSync } from 'node:child_process';

/** Seconds on the clock, and of processor by a program and all that it started. */
export interface Took {
  clock: number;
  processor: number;
}

/** `times` says in its second line what the programs took: user and system, as `1m2.340s`. */
const SCRIPT = '"$@" >/dev/null 2>&1; status=$?; times; exit $status';
const TIME = /(\d+)m([\d.]+)s/g;

interface Options {
  /** The highest status that is no failure. */
  highest: number;
  env: NodeJS.ProcessEnv;
}

/** Runs a program to its end. Throws where it fails. */
export function timed(argv: readonly string[], { highest = 0, env = process.env }: Partial<Options> = {}): Took {
  const from = performance.now();
  const { status, stdout } = spawnSync('sh', ['-c', SCRIPT, 'sh', ...argv], {
    encoding: 'utf8',
    env: { ...env, LC_ALL: 'C' },
  });
  const clock = (performance.now() - from) / 1000;
  if (status === null || status > highest) throw new Error(`${argv.join(' ')} ended with ${status}`);
  const own = [...stdout.matchAll(TIME)]
    .slice(-2)
    .map(([, minutes, seconds]) => Number(minutes) * 60 + Number(seconds));
  return { clock, processor: own.reduce((sum, seconds) => sum + seconds, 0) };
}
