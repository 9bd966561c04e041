import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/* `npm run bench:landscape`: every file of this folder, one after the other, each a process of its own. */

const wanted = process.argv.slice(2);
const files = readdirSync(import.meta.dirname)
  .filter(name => name.endsWith('.ts') && name !== 'main.ts')
  .filter(name => wanted.length === 0 || wanted.includes(name.replace(/\.ts$/, '')))
  .sort();
for (const name of files) {
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, name)], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
