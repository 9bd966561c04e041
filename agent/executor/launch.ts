import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { syncDirectory } from '../platform/file-system.ts';
import { ageMs, isAlive, killGroup, type ProcessIdentity } from '../platform/process.ts';
import { claimStart, putJson, readResult, readStarted, type StepInput, stepFile } from '../steps/directory.ts';
import type { StepTraces } from './recover.ts';

/** A step's child while it runs, started by this executor or by one before it. */
export interface RunningChild {
  directory: string;
  /** Looks whether it is still there, and ends its whole group where it is past its time; true once it has ended. */
  look(): boolean;
}

/** After timeout and grace, for the child to write its own result before it is ended from outside. */
const LAST_CHANCE_MS = 5_000;
const LOG_BYTES = 2_000;

/** Makes a step's directory, on the disk before anything is said about it. */
export async function prepare(parent: string, name: string, input: StepInput): Promise<string> {
  const directory = `${parent}/${name}`;
  mkdirSync(directory, { mode: 0o700 });
  putJson(stepFile.call(directory), input);
  await syncDirectory(parent);
  return directory;
}

/**
 * Starts the child in a session of its own, so that nothing that happens to the agent happens to it. `command` is how
 * this program is started; `onEnd` may come late or never, {@link RunningChild.look} is what counts.
 */
export function launch(
  command: readonly [string, ...string[]],
  directory: string,
  input: StepInput,
  onEnd: () => void,
): RunningChild {
  const [program, ...rest] = command;
  const log = openSync(stepFile.log(directory), 'a', 0o600);
  let child: ChildProcess;
  try {
    child = spawn(program, [...rest, 'step', directory], {
      detached: true,
      cwd: '/',
      stdio: ['ignore', log, log],
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' },
    });
  } finally {
    closeSync(log);
  }
  let over = false;
  const end = () => {
    over = true;
    onEnd();
  };
  child.once('error', end);
  child.once('exit', end);
  child.unref();
  const watched = watch(directory, input);
  const look = () => {
    // Ends a child that is past its time; whether it is gone the system says for a child of one's own.
    watched.look();
    return over;
  };
  return { directory, look };
}

/** Takes up a child that another executor started. */
export function attach(directory: string, input: StepInput): RunningChild {
  return watch(directory, input);
}

function watch(directory: string, input: StepInput): RunningChild {
  const limitMs = input.timeoutMs + input.graceMs + LAST_CHANCE_MS;
  return {
    directory,
    look() {
      const started = readStarted(directory);
      if (!isProcess(started) || !isAlive(started)) return true;
      if (ageMs(started) > limitMs) killGroup(started, 'SIGKILL');
      return false;
    },
  };
}

/**
 * What a step left. Claims the directory where nobody had: after this, what has not begun there never will, even a
 * child that was started and has not come to its first line.
 */
export function traces(directory: string): Omit<StepTraces, 'idempotent'> {
  const result = readResult(directory) ?? null;
  if (claims(directory)) return { result, child: 'never-began' };
  const started = readStarted(directory);
  if (started === 'recovery') return { result, child: 'never-began' };
  if (!isProcess(started)) return { result, child: 'unclear' };
  return { result, child: isAlive(started) ? 'alive' : 'gone' };
}

function claims(directory: string): boolean {
  try {
    return claimStart(directory, null);
  } catch {
    // The directory is gone or cannot be written to: nobody may conclude from it that nothing began.
    return false;
  }
}

/** The last that the child itself had to say, for a step that broke: a missing file, no memory. */
export function lastWords(directory: string): string {
  try {
    const lines = readFileSync(stepFile.log(directory), 'utf8').slice(-LOG_BYTES).trim().split('\n');
    return lines.find(line => /error/i.test(line))?.trim() ?? lines.at(-1)?.trim() ?? '';
  } catch {
    return '';
  }
}

const isProcess = (started: ReturnType<typeof readStarted>): started is ProcessIdentity =>
  typeof started === 'object' && started !== null;
