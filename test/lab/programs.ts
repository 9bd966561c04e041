import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { enterGroup } from './cgroup.ts';
import type { LabPlaces } from './places.ts';

/* Programs of the lab that run beside its hosts: the repository's server and the controller. */

export interface StartedProgram {
  pid: number;
  hasEnded(): boolean;
  /** What it has written so far. */
  log(): string;
  /** Sends a signal, to this process alone, and waits until it has ended. */
  end(signal: NodeJS.Signals): Promise<void>;
}

/** Starts a program that outlives this process; the lab's end is its end. */
export function startProgram(
  lab: LabPlaces,
  name: string,
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
): StartedProgram {
  const [program = '', ...rest] = argv;
  const logFile = join(lab.logs, `${name}.log`);
  const output = openSync(logFile, 'a');
  const child = spawn(program, rest, { cwd: '/', env, stdio: ['ignore', output, output], detached: true });
  closeSync(output);
  const { pid } = child;
  if (pid === undefined) throw new Error(`${argv.join(' ')} does not start`);
  enterGroup(`${lab.cgroup}/gateway`, pid);
  child.unref();
  let over = false;
  const ended = new Promise<void>(resolve =>
    child.once('exit', () => {
      over = true;
      resolve();
    }),
  );
  return {
    pid,
    hasEnded: () => over,
    log: () => readFileSync(logFile, 'utf8'),
    end: async signal => {
      if (over) return;
      child.ref();
      child.kill(signal);
      await ended;
    },
  };
}
