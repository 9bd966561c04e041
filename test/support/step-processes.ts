import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readResult, type StepResult } from '@tidemark/agent/steps/directory.ts';

export interface StepProcesses {
  /** Does a step to its end; throws where it leaves no result. */
  step(kind: string, args: object): Promise<StepResult>;
  /** Ends the step and all that it has started `afterMs` after its start, by force. */
  cutOff(kind: string, args: object, afterMs: number): Promise<void>;
}

const TIMEOUT_MS = 600_000;

/** Steps on this machine as an executor starts them, each in a session of its own; `command` is to be followed by `step DIR`. */
export function stepProcesses(command: readonly [string, ...string[]], stateDir: string): StepProcesses {
  const [program, ...rest] = command;
  const steps = join(stateDir, 'steps');
  const start = (kind: string, args: object) => {
    const directory = join(steps, randomBytes(4).toString('hex'));
    mkdirSync(directory, { recursive: true });
    const call = { kind, args };
    const input = {
      work: 'call',
      call,
      root: '/',
      stateDir,
      factsDir: stateDir,
      timeoutMs: TIMEOUT_MS,
      graceMs: 1_000,
    };
    writeFileSync(join(directory, 'call.json'), JSON.stringify(input));
    const child = spawn(program, [...rest, 'step', directory], { detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (data: Buffer) => {
      said += data.toString();
    });
    const ended = new Promise<void>(resolve => child.once('close', () => resolve()));
    return { directory, child, ended, said: () => said };
  };
  return {
    async step(kind, args) {
      const { directory, ended, said } = start(kind, args);
      await ended;
      const result = readResult(directory);
      rmSync(directory, { recursive: true, force: true });
      if (!result) throw new Error(`${kind} left no result: ${said()}`);
      return result;
    },
    async cutOff(kind, args, afterMs) {
      const { child, ended } = start(kind, args);
      await Promise.race([ended, new Promise(resolve => setTimeout(resolve, afterMs))]);
      try {
        process.kill(-(child.pid ?? 0), 'SIGKILL');
      } catch {
        // It has ended before.
      }
      await ended;
    },
  };
}
