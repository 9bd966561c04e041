import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/sequencer.ts';

const cores = availableParallelism();
/**
 * Twice as many files at once as there are cores, up to a point: most of their time they wait, for a process to start, for
 * a database, for a time to pass. Limits are for what hangs, and so far away that a busy machine does not reach them.
 */
const FILES_AT_ONCE = Math.max(cores, Math.min(2 * cores, 8));
/** Each has a fleet of real servers, which share the same cores; in .ci/run the tests above run beside them. */
const FLEETS_AT_ONCE = Math.max(2, Math.min(cores, 6));

/**
 * Scans run in the tests' own processes, with threads that come and go, of which V8 dies once in many runs where the processor
 * protects compiled code by keys: docs/decisions/0481. The option is known where there are such keys.
 */
const NODE_OPTIONS = process.platform === 'linux' && process.arch === 'x64' ? ['--no-memory-protection-keys'] : [];

/**
 * From quick to slow: `unit` needs nothing but memory, `contract` starts single parts (a database, a gRPC server), `e2e`
 * starts whole controllers and agents as processes. `lab` boots real servers: it needs root and a Debian machine, and is
 * not part of `npm test` but run by `npm run test:lab`. `vm` boots an emulated machine with a kernel of its own, which takes
 * many minutes: `npm run test:lab:vm`.
 */
export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    execArgv: NODE_OPTIONS,
    projects: [
      {
        test: {
          name: 'unit',
          execArgv: NODE_OPTIONS,
          include: ['{shared,agent,controller,installers}/**/*.test.ts'],
          maxWorkers: FILES_AT_ONCE,
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'contract',
          execArgv: NODE_OPTIONS,
          include: ['test/contract/**/*.test.ts', 'test/golden/**/*.test.ts', 'test/simulation/**/*.test.ts'],
          globalSetup: ['test/support/built-programs.ts'],
          maxWorkers: FILES_AT_ONCE,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          name: 'e2e',
          execArgv: NODE_OPTIONS,
          include: ['test/e2e/**/*.test.ts'],
          maxWorkers: FILES_AT_ONCE,
          // Two demos one after the other, beside everything else that .ci/run does: a machine of two cores came to 600 s.
          testTimeout: 1_200_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'lab',
          execArgv: NODE_OPTIONS,
          include: ['test/lab/**/*.lab.ts'],
          maxWorkers: FLEETS_AT_ONCE,
          // A power cut in the middle of a run takes its time; the first file of all builds the hosts' Debian.
          testTimeout: 480_000,
          hookTimeout: 600_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'vm',
          include: ['test/lab/vm/**/*.vm.ts'],
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
