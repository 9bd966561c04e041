import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ScanTook, scanStep } from '../bench/scan-step.ts';

/*
 * Whole scans under a budget, as the agent starts them. What is asserted holds on a machine that is busy, too: others make a
 * scan take longer and never use more of a processor or read faster.
 */

const FILES = 24;
const FILE_BYTES = 64 * 1024 * 1024;
const THREADS = 2;

let base: string;
/** What starting takes: a scan of nothing. */
let starting: ScanTook;

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'tm-budget-'));
  mkdirSync(join(base, 'empty'));
  starting = scan('empty');
  // Holes are read and digested like anything else, and need no disk.
  for (const name of ['one', 'two']) {
    mkdirSync(join(base, 'tree', name), { recursive: true });
    for (let index = 0; index < FILES / 2; index++) {
      const file = join(base, 'tree', name, `${index}`);
      writeFileSync(file, `${name} ${index}`);
      truncateSync(file, FILE_BYTES);
    }
  }
});

afterAll(() => rmSync(base, { recursive: true, force: true }));

let scans = 0;
const scan = (directory: string, budget: { cpuShare?: number; bytesPerSecond?: number } = {}) =>
  scanStep(base, join(base, `state-${scans++}`), join(base, directory), budget);

it('a scan uses the share of a processor that it may, and no more work for it', () => {
  const cpuShare = 0.1;
  const unlimited = scan('tree');
  const limited = scan('tree', { cpuShare });
  expect(limited.facts.coverage.bytes).toBe(FILES * FILE_BYTES);
  const work = limited.processor - starting.processor;
  // A quarter for what no step of a thread counts: collecting garbage, the thread that only passes on.
  expect(work / (limited.clock - starting.clock)).toBeLessThan(THREADS * cpuShare * 1.25);
  expect(work).toBeLessThan(2 * (unlimited.processor - starting.processor) + 0.5);
});

it('a scan reads no faster than it may, and sleeps meanwhile', () => {
  const bytesPerSecond = 400_000_000;
  const limited = scan('tree', { bytesPerSecond });
  const bytes = FILES * FILE_BYTES;
  // Of one piece that a thread has just read nobody has rested yet.
  expect(limited.clock).toBeGreaterThan((0.9 * bytes) / bytesPerSecond);
  const unlimited = scan('tree');
  expect(limited.processor).toBeLessThan(2 * unlimited.processor);
});
