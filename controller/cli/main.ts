import { homedir } from 'node:os';
import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '@tidemark/shared/base/clock.ts';
import type { Io } from './io.ts';
import { runCli } from './run-cli.ts';

/** The CLI in a real process. */
function processIo(): Io {
  return {
    out: chunk => void process.stdout.write(chunk),
    err: chunk => void process.stderr.write(chunk),
    outIsTerminal: process.stdout.isTTY === true,
    columns: () => process.stdout.columns,
    rows: () => process.stdout.rows,
    env: process.env,
    home: homedir(),
    clock: systemClock,
    sleep: ms => delay(ms),
    stdin: () => text(process.stdin),
    ask: process.stdin.isTTY && process.stderr.isTTY ? ask : null,
  };
}

async function ask(question: string): Promise<string> {
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await prompt.question(question);
  } finally {
    prompt.close();
  }
}

// A reader that has seen enough (`| head`) is no error.
process.stdout.on('error', error => {
  if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await runCli(process.argv.slice(2), processIo());
