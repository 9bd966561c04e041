// `npm run test:lab`: the tests that need real servers.
import { ensureBase } from './base.ts';
import { removeAbandoned } from './lab.ts';
import { installPackages } from './machine.ts';
import { finishRemoving } from './removing.ts';
import { runProject } from './run-project.mjs';

await runProject('lab', {
  async setUp(say) {
    await installPackages(say);
    await ensureBase(say);
  },
  // What a test leaves behind because its process was killed.
  async tearDown(say) {
    await removeAbandoned(say);
    await finishRemoving();
  },
  filters: process.argv.slice(2),
});
