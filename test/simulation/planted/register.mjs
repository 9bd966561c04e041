// Given to node with --import: plants the bug that PLANTED_BUG names while the modules are loaded. No file is changed.
import { registerHooks } from 'node:module';
import { PLANTED } from './bugs.mjs';

const bug = PLANTED.find(({ name }) => name === process.env.PLANTED_BUG);
if (!bug) throw new Error(`there is no planted bug "${process.env.PLANTED_BUG}"`);

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    if (!url.endsWith(`/${bug.file}`)) return loaded;
    const source = Buffer.from(loaded.source).toString('utf8');
    const parts = source.split(bug.from);
    if (parts.length !== 2) {
      process.stderr.write(`"${bug.from}" is ${parts.length - 1} times in ${bug.file}: plant "${bug.name}" anew\n`);
      process.exit(3);
    }
    return { ...loaded, source: parts.join(bug.to) };
  },
});
