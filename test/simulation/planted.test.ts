import { spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { PLANTED } from './planted/bugs.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** Each plays some nights of sixty servers: seconds, and minutes on a machine that is busy otherwise. */
const TIMEOUT_MS = 300_000;
/** From the remembered night on; a change of what a seed means moves a find by a few. */
const NIGHTS = '6';
const SIZE = ['--hosts', '60', '--clusters', '10', '--seeds', NIGHTS, '--first', '--json'];

interface Told {
  violations?: { property: string }[];
  error?: string;
}

/** Plays nights in a process of its own, with a bug planted or without; gives the last night's result. */
function play(bug: string | null, options: readonly string[]): Promise<Told> {
  const plant = bug === null ? [] : ['--import', './test/simulation/planted/register.mjs'];
  const child = spawn(process.execPath, [...plant, 'test/simulation/main.ts', ...SIZE, ...options], {
    cwd: root,
    env: { ...process.env, ...(bug === null ? {} : { PLANTED_BUG: bug }) },
  });
  let told = '';
  let wrong = '';
  child.stdout.on('data', chunk => {
    told += chunk;
  });
  child.stderr.on('data', chunk => {
    wrong += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('close', () => {
      const last = told.trim().split('\n').at(-1);
      if (last) resolve(JSON.parse(last) as Told);
      else reject(new Error(wrong));
    });
  });
}

describe.concurrent('a simulated night finds that', () => {
  it.each(PLANTED)(
    '$name',
    async bug => {
      const told = await play(bug.name, ['--seed', `${bug.seed}`, ...bug.arguments]);
      expect(told.error).toBeUndefined();
      expect(told.violations?.map(({ property }) => property)).toContain(bug.property);
    },
    TIMEOUT_MS,
  );
});

it(
  'without a planted bug breaks no rule in these nights',
  async () => {
    expect(await play(null, ['--seed', '1', '--faults', '0.02'])).toMatchObject({ violations: [] });
  },
  TIMEOUT_MS,
);
