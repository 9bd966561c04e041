import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { claimStart, readStarted } from './directory.ts';

let base = '';
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'tm-step-'));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const BY = { process: { pid: 1, startTicks: 1, bootId: 'b' }, unit: null };

it('is claimed by whoever comes first, and leaves nothing else behind', () => {
  expect(claimStart(base, BY)).toBe(true);
  expect(claimStart(base, null)).toBe(false);
  expect(readStarted(base)).toEqual(BY);
  expect(readdirSync(base)).toEqual(['started.json']);
});

it('shows nobody or somebody who began, never a half of it, however often one looks while it is claimed', async () => {
  const count = 400;
  const directories = Array.from({ length: count }, (_, index) => join(base, `${index}`));
  for (const directory of directories) mkdirSync(directory);
  // Claims one directory after the other in a thread of its own, as a step's process does.
  const source = `
    import { workerData } from 'node:worker_threads';
    const { claimStart } = await import(workerData.module);
    for (const directory of workerData.directories) claimStart(directory, workerData.by);`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
    workerData: { module: new URL('./directory.ts', import.meta.url).href, directories, by: BY },
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  const ended = new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
  let halves = 0;
  for (const directory of directories) {
    let started = readStarted(directory);
    for (const end = performance.now() + 5_000; started === undefined && performance.now() < end; ) {
      started = readStarted(directory);
    }
    if (started === null) halves += 1;
  }
  await ended;
  expect(halves).toBe(0);
});
