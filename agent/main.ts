import { realpathSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { codeCacheIn } from './config/code-cache.ts';

/*
 * `tidemark-agent`: wiring. What is asked for is loaded and nothing else: every step is a process of its own, dozens of
 * them on every server of a night, and for most of them loading is the most that they compute (docs/decisions/0320).
 */

const [command, directory] = process.argv.slice(2);
if (command === 'step' && directory !== undefined) {
  // Steps lie in a directory of the state directory. Where the cache cannot be used, the step is some 20 ms slower.
  enableCompileCache(codeCacheIn(dirname(dirname(directory))));
  // For the executor alone: it is in no help.
  const { runStep } = await import('./steps/run.ts');
  await runStep(directory);
  // Whatever a step left open has no say in when it is over.
  process.exit(0);
}
const script = realpathSync(fileURLToPath(import.meta.url));
const { commandLine } = await import('./command-line.ts');
// What a step throws away is collected by the megabyte, not by sixteen, and what has grown old when it grew by a fifth: a scan's
// threads would each keep 10 MB of it. It is slower in nothing that could be measured. Never set while threads run: V8 dies of that.
const collectOften = ['--max-semi-space-size=1', '--heap-growing-percent=20'];
// V8 may die of keys that protect the memory of compiled code while threads come and go (docs/decisions/0481).
const noKeys = process.platform === 'linux' && process.arch === 'x64' ? ['--no-memory-protection-keys'] : [];
await commandLine([process.execPath, '--disable-warning=ExperimentalWarning', ...collectOften, ...noKeys, script]);
