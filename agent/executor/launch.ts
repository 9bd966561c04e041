import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { syncDirectory } from '../platform/file-system.ts';
import { ageMs, isAlive, killGroup, readBootId } from '../platform/process.ts';
import { killControlGroup, processesOf } from '../platform/systemd-cgroup.ts';
import {
  claimStart,
  putJson,
  readResult,
  readStarted,
  type StartedBy,
  type StepInput,
  stepFile,
} from '../steps/directory.ts';
import type { StepTraces } from './recover.ts';

/** A step's child while it runs, started by this executor or by one before it. */
export interface RunningChild {
  directory: string;
  /** Looks whether it is still there, and ends all of it where it is past its time; true once it has ended. */
  look(): boolean;
}

/**
 * Starts steps so that nothing that happens to the agent happens to them. Every implementation passes
 * launch.conformance.ts. `onEnd` may come late or never, {@link RunningChild.look} is what counts.
 */
export interface Launcher {
  readonly name: 'session' | 'unit';
  launch(directory: string, input: StepInput, onEnd: () => void): RunningChild;
}

/** How this program is started, to be followed by `step DIR`. */
export type AgentCommand = readonly [string, ...string[]];

/** Nothing of the agent's own environment reaches a step. */
export const STEP_ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
  // glibc gives each thread room of its own, which a step of a few seconds fills once and never uses again.
  MALLOC_ARENA_MAX: '1',
} as const;

/** After timeout and grace, for the child to write its own result before it is ended from outside. */
export const LAST_CHANCE_MS = 5_000;
/** From its start to its first line. Longer than a server that swaps needs; what takes longer never comes. */
export const BEGIN_MS = 60_000;
const LOG_BYTES = 2_000;

/** Makes a step's directory, on the disk before anything is said about it. */
export async function prepare(parent: string, name: string, input: StepInput): Promise<string> {
  const directory = `${parent}/${name}`;
  mkdirSync(directory, { mode: 0o700 });
  putJson(stepFile.call(directory), input);
  await syncDirectory(parent);
  return directory;
}

/** Each step in a session of its own: wherever there is no systemd. */
export function createSessionLauncher(command: AgentCommand, beginMs = BEGIN_MS): Launcher {
  return {
    name: 'session',
    launch: (directory, input, onEnd) => launchSession(command, beginMs, directory, input, onEnd),
  };
}

function launchSession(
  command: AgentCommand,
  beginMs: number,
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
      env: STEP_ENVIRONMENT,
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
  const watched = attach(directory, input);
  const launchedAt = performance.now();
  const look = () => {
    // One that hangs before its first line has no timeout of its own yet.
    const late = performance.now() - launchedAt > beginMs && readStarted(directory) === undefined;
    if (late && !over) child.kill('SIGKILL');
    // Ends a child that is past its time; whether it is gone the system says for a child of one's own.
    watched.look();
    return over;
  };
  return { directory, look };
}

/** Takes up a child that somebody started, in a session or in a unit: what it wrote about itself says which. */
export function attach(directory: string, input: StepInput, lastChanceMs = LAST_CHANCE_MS): RunningChild {
  const limitMs = input.timeoutMs + input.graceMs + lastChanceMs;
  return {
    directory,
    look() {
      const started = readStarted(directory);
      if (!isStarted(started) || !isThere(directory, started)) return true;
      if (ageMs(started.process) > limitMs) end(started);
      return false;
    },
  };
}

/**
 * A step is there as long as its process is. Where that broke, what it had started in its unit may still be at work:
 * nobody may take the step for over, or start it again, before that has ended too.
 */
function isThere(directory: string, { process, unit }: StartedBy): boolean {
  if (isAlive(process)) return true;
  if (unit === null || process.bootId !== readBootId() || readResult(directory)) return false;
  return processesOf(unit.controlGroup).length > 0;
}

function end({ process, unit }: StartedBy): void {
  if (unit === null) killGroup(process, 'SIGKILL');
  else killControlGroup(unit.controlGroup);
}

/**
 * What a step left. Claims the directory where nobody had: after this, what has not begun there never will, even a
 * child that was started and has not come to its first line.
 */
export function traces(directory: string): Pick<StepTraces, 'result' | 'child'> {
  const child = childIn(directory);
  // Last: a child that ends during this look has left its result by the time that it is seen to be gone.
  return { child, result: readResult(directory) ?? null };
}

function childIn(directory: string): StepTraces['child'] {
  if (claims(directory)) return 'never-began';
  const started = readStarted(directory);
  if (started === 'recovery') return 'never-began';
  if (!isStarted(started)) return 'unclear';
  if (started.process.bootId !== readBootId()) return 'before-boot';
  return isThere(directory, started) ? 'alive' : 'gone';
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

const isStarted = (started: ReturnType<typeof readStarted>): started is StartedBy =>
  typeof started === 'object' && started !== null;
