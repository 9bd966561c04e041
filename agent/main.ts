import { enableCompileCache } from 'node:module';
import { dirname } from 'node:path';
import { codeCacheIn } from './config/code-cache.ts';
import { ownCommand } from './own-command.ts';
import { leaveEnvironment } from './own-environment.ts';

/*
 * `tidemark-agent`: wiring. What is asked for is loaded and nothing else: every step is a process of its own, dozens of
 * them on every server of a night, and for most of them loading is the most that they compute (docs/decisions/0320).
 */

async function main(): Promise<void> {
  leaveEnvironment();
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
  const { commandLine } = await import('./command-line.ts');
  await commandLine(ownCommand());
}

// Rejections are told by Node with their stack. An executable of one file knows no top-level await.
void main();
