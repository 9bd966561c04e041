import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { type Places, repository } from './places.ts';
import type { Register } from './processes.ts';

/* The product as a user has it: two programs, called with arguments. Nothing of them is imported here. */

const PROGRAM = {
  tidemark: join(repository, 'dist/tidemark.mjs'),
  'tidemark-agent': join(repository, 'dist/tidemark-agent.mjs'),
} as const;
export type Program = keyof typeof PROGRAM;

export interface Ended {
  status: number;
  stdout: string;
  stderr: string;
}

export class CommandFailed extends Error {
  override name = 'CommandFailed';
}

export interface CallOptions {
  /** Exit statuses that are as they should be. */
  expect?: readonly number[];
  /** Gets standard output as it comes. */
  onOutput?: (text: string) => void;
}

export type Call = (program: Program, argv: readonly string[], options?: CallOptions) => Promise<Ended>;

/**
 * Runs a program to its end; throws {@link CommandFailed} with what it said where the status is unexpected. Registered
 * too: `run watch` would go on looking for its controller when the demo around it was killed.
 */
export const createCall =
  (places: Places, register: Register): Call =>
  (program, argv, { expect = [0], onOutput } = {}) =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [PROGRAM[program], ...argv], {
        cwd: places.desk,
        env: environment(places),
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      if (child.pid !== undefined) register.add(commandLine(program, argv), child.pid);
      let [stdout, stderr] = ['', ''];
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text;
        onOutput?.(text);
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
      });
      child.on('error', reject);
      child.on('close', code => {
        const status = code ?? -1;
        if (expect.includes(status)) resolve({ status, stdout, stderr });
        else
          reject(
            new CommandFailed(
              `${commandLine(program, argv)} ended with status ${status}:\n${(stdout + stderr).trimEnd()}`,
            ),
          );
      });
    });

/** Starts a program that stays. Its output goes into a log; it lives on when the demo ends with --keep. */
export function start(
  places: Places,
  register: Register,
  program: Program,
  name: string,
  argv: readonly string[],
): { log: string; hasEnded: () => boolean } {
  const log = join(places.logs, `${name}.log`);
  const output = openSync(log, 'a');
  const child = spawn(process.execPath, [PROGRAM[program], ...argv], {
    cwd: places.desk,
    env: environment(places),
    stdio: ['ignore', output, output],
    detached: true,
  });
  if (child.pid !== undefined) register.add(name, child.pid);
  child.unref();
  let ended = child.pid === undefined;
  child.on('exit', () => {
    ended = true;
  });
  child.on('error', () => {
    ended = true;
  });
  return { log, hasEnded: () => ended };
}

/** As a user would type it. */
export const commandLine = (program: Program, argv: readonly string[]): string =>
  [program, ...argv.map(arg => (/^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg}'`))].join(' ');

/** The demo's own contexts, not the user's; and no DATABASE_URL, so that the controller starts its own database. */
function environment(places: Places): NodeJS.ProcessEnv {
  const { DATABASE_URL: _, ...rest } = process.env;
  return { ...rest, TIDEMARK_CONFIG: join(places.desk, 'contexts.json'), NO_COLOR: '1' };
}
