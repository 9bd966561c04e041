import { defineConfig } from 'vitest/config';

/**
 * From quick to slow: `unit` needs nothing but memory, `contract` starts single parts (a database, a gRPC server), `e2e`
 * starts whole controllers and agents as processes. `lab` boots real servers: it needs root and a Debian machine, and is
 * not part of `npm test` but run by `npm run test:lab`. `vm` boots an emulated machine with a kernel of its own, which takes
 * many minutes: `npm run test:lab:vm`.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{shared,agent,controller}/**/*.test.ts'],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'contract',
          include: ['test/contract/**/*.test.ts', 'test/golden/**/*.test.ts', 'test/simulation/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 120_000,
          // Each of these runs a controller with a database of its own: side by side they would fight for two cores.
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'lab',
          include: ['test/lab/**/*.lab.ts'],
          // A power cut in the middle of a run takes its time; the first file of all builds the hosts' Debian.
          testTimeout: 240_000,
          hookTimeout: 300_000,
          // Each file has a fleet of its own on the same two cores, and limits for what waits.
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'vm',
          include: ['test/lab/vm/**/*.vm.ts'],
        },
      },
    ],
  },
});
