import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { scansIn } from '../steps/scan-run.ts';
import { createScans, type Scans } from './scans.ts';

const DAY_MS = 24 * 3_600_000;
const [OLD, NEW] = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'];

let stateDir: string;
let aheadMs: number;
let scans: Scans;

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'tidemark-scans-'));
  aheadMs = 0;
  scans = createScans(stateDir, () => Date.now() + aheadMs);
});
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

function finished(scan: string): void {
  mkdirSync(join(scansIn(stateDir), scan), { recursive: true });
  scans.add(scan, { request: '', orderDigest: null });
}
const waiting = () => scans.waiting().map(({ scan }) => scan);

it('a scan that the controller does not take is kept for a week, and said again until then', () => {
  finished(OLD);
  aheadMs = 7 * DAY_MS - 60_000;
  expect(waiting()).toEqual([OLD]);
  aheadMs = 7 * DAY_MS + 60_000;
  expect(waiting()).toEqual([]);
  expect(readdirSync(scansIn(stateDir))).toEqual([]);
});

it('a scan is removed once the controller has it', () => {
  finished(OLD);
  finished(NEW);
  scans.uploaded(OLD);
  expect(waiting()).toEqual([NEW]);
});
