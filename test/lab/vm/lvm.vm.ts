import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runInMachine } from './machine.ts';

/** Emulated: it has only been timed on two cores with a load of 50, where a test takes some two minutes. */
const TIMEOUT_MS = 3_600_000;

it(
  'keeps and puts back thin volumes of LVM under a kernel that has device-mapper',
  async () => {
    const end = await runInMachine(join(import.meta.dirname, 'lvm.suite.ts'), 600 * 1024 * 1024, TIMEOUT_MS - 60_000);
    if (end.status !== 0) console.error(end.said);
    const passed = Number(/pass (\d+)/.exec(end.said)?.[1]);
    expect(end.said).toMatch(/fail 0\b/);
    expect(end.status).toBe(0);
    // Two file systems through the suite of all methods, snapshots in time, and what only whole volumes have.
    expect(passed).toBe(2 * 6 + 6 + 5);
  },
  TIMEOUT_MS,
);
