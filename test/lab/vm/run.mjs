// `npm run test:lab:vm`: the tests that need a kernel of their own, on an emulated machine.
import { runProject } from '../run-project.mjs';
import { ensureImage, removeAbandonedRuns } from './machine.ts';

await runProject('vm', { setUp: ensureImage, tearDown: removeAbandonedRuns, filters: process.argv.slice(2) });
