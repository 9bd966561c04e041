import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { identify } from '../platform/process.ts';
import { claimStart, stepFile } from '../steps/directory.ts';
import { traces } from './launch.ts';

const base = mkdtempSync(join(tmpdir(), 'tidemark-traces-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

const RESULT = { outcome: 'succeeded', timedOut: false, message: '', facts: null, output: null };

/** A step's child that has begun, and when it is told to puts its result in place and ends, as steps do. */
async function child(round: number): Promise<{ directory: string; finish(): void; ended: Promise<unknown> }> {
  const directory = join(base, String(round));
  mkdirSync(directory);
  const result = stepFile.result(directory);
  writeFileSync(`${result}.new`, JSON.stringify(RESULT));
  const process = spawn('sh', ['-c', `read line; mv "${result}.new" "${result}"`], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const ended = once(process, 'exit');
  claimStart(directory, { process: identify(process.pid ?? 0) ?? fail(), unit: null });
  return { directory, finish: () => process.stdin.end('\n'), ended };
}

function fail(): never {
  throw new Error('the child is not there');
}

describe('what a step has left', () => {
  it('holds the result of every child that is seen to be gone, also of one that ends during the look', async () => {
    for (let round = 0; round < 30; round++) {
      const { directory, finish, ended } = await child(round);
      finish();
      let left = traces(directory);
      while (left.child === 'alive') left = traces(directory);
      expect([round, left.child, left.result?.outcome]).toEqual([round, 'gone', 'succeeded']);
      await ended;
    }
  });
});
