import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync, closeSync, existsSync, type FSWatcher, openSync, watch } from 'node:fs';
import { basename } from 'node:path';
import { readResult, readStarted, type StepInput, stepFile } from '../steps/directory.ts';
import { stepUnitName } from '../steps/process-group.ts';
import {
  type AgentCommand,
  attach,
  BEGIN_MS,
  createSessionLauncher,
  LAST_CHANCE_MS,
  type Launcher,
  type RunningChild,
  STEP_ENVIRONMENT,
} from './launch.ts';
import type { Log } from './log.ts';

/**
 * The oldest systemd whose systemd-run has all that is used here (--collect, StandardOutput=file:). Node 24 needs a
 * glibc that no distribution with an older one has.
 */
const OLDEST_SYSTEMD = 236;
/** From here on a unit can go on when the kernel kills one of its processes for want of memory. */
const OOM_POLICY_SYSTEMD = 243;
/** systemd's own limit, in case that neither the step nor any executor ends it: after both of them had their time. */
const BACKSTOP_MS = 60_000;
/** Between a result and the end of its process. */
const END_LOOK_MS = 10;
const END_LOOKS = 50;

/**
 * Each step in a transient unit of its own: it is in no control group of the agent's, so that stopping, upgrading or
 * killing the agent does not touch it, and all that it starts can be found and ended, whatever that forks into.
 */
export function createUnitLauncher(command: AgentCommand, systemd: number, beginMs = BEGIN_MS): Launcher {
  return {
    name: 'unit',
    launch(directory, input, onEnd) {
      const unit = stepUnitName(randomBytes(8).toString('hex'));
      const child = spawn('systemd-run', systemdRunArguments({ unit, directory, input, command, systemd }), {
        env: STEP_ENVIRONMENT,
        stdio: ['ignore', 'ignore', openLog(directory)],
        // It only hands the unit over; where the bus hangs, what became of that is looked at.
        timeout: beginMs,
        killSignal: 'SIGKILL',
      });
      return new UnitChild(unit, directory, input, beginMs, child, onEnd);
    },
  };
}

/** The launcher for this server: units where systemd is PID 1 and this is root, else sessions. */
export function chooseLauncher(command: AgentCommand, log: Log): Launcher {
  const session = createSessionLauncher(command);
  // As sd_booted(3) asks whether systemd is PID 1.
  if (!existsSync('/run/systemd/system')) return session;
  const systemd = systemdVersion();
  if (process.getuid?.() !== 0 || systemd === null || systemd < OLDEST_SYSTEMD) {
    log.warn({ systemd }, 'steps have no unit of their own: not root, or systemd too old; they end with the agent');
    return session;
  }
  return createUnitLauncher(command, systemd);
}

export interface UnitOptions {
  unit: string;
  directory: string;
  input: StepInput;
  command: AgentCommand;
  systemd: number;
}

/** Pure: how systemd-run is asked to start a step. */
export function systemdRunArguments({ unit, directory, input, command, systemd }: UnitOptions): string[] {
  const limitMs = input.timeoutMs + input.graceMs + LAST_CHANCE_MS + BACKSTOP_MS;
  const properties = [
    // A daemon that a start script leaves behind outlives the step. What must not is ended by the step itself.
    'KillMode=process',
    `StandardOutput=file:${stepFile.log(directory)}`,
    `StandardError=file:${stepFile.log(directory)}`,
    'WorkingDirectory=/',
    `RuntimeMaxSec=${Math.ceil(limitMs / 1000)}`,
    // One program of a step that takes too much memory is that step's failure to report.
    ...(systemd >= OOM_POLICY_SYSTEMD ? ['OOMPolicy=continue'] : []),
  ];
  return [
    '--quiet',
    '--collect',
    '--no-ask-password',
    `--unit=${unit}`,
    `--description=Tidemark step ${basename(directory)}`,
    ...properties.map(property => `--property=${property}`),
    ...Object.entries(STEP_ENVIRONMENT).map(([name, value]) => `--setenv=${name}=${value}`),
    '--',
    // systemd puts variables in; `$$` is a dollar.
    ...[...command, 'step', directory].map(word => word.replaceAll('$', '$$$$')),
  ];
}

class UnitChild implements RunningChild {
  readonly directory: string;
  readonly #unit: string;
  readonly #watched: RunningChild;
  readonly #onEnd: () => void;
  #watcher: FSWatcher | null = null;
  readonly #beginMs: number;
  /** When systemd-run ended, by the monotonic clock: it has given the unit to systemd, or failed to. */
  #handedOverAt: number | null = null;

  constructor(
    unit: string,
    directory: string,
    input: StepInput,
    beginMs: number,
    child: ReturnType<typeof spawn>,
    onEnd: () => void,
  ) {
    this.directory = directory;
    this.#unit = unit;
    this.#beginMs = beginMs;
    this.#watched = attach(directory, input);
    this.#onEnd = onEnd;
    const over = (status: number | null, problem: string) => {
      this.#handedOverAt = performance.now();
      if (status !== 0) {
        this.#note(`error: systemd-run failed (${problem})`);
        onEnd();
      }
    };
    child.once('error', error => over(null, error.message));
    child.once('exit', (status, signal) => over(status, `exit status ${status ?? signal}`));
    child.unref();
    this.#watchForResult();
  }

  look(): boolean {
    const began = readStarted(this.directory) !== undefined;
    // Between the start of the unit and the child's first line systemd knows whether it is still coming.
    const over = began ? this.#watched.look() : this.#isOverBeforeItBegan();
    // It may have begun while systemd was asked.
    const ended = over && (began || readStarted(this.directory) === undefined || this.#watched.look());
    if (ended) this.#watcher?.close();
    return ended;
  }

  #isOverBeforeItBegan(): boolean {
    if (this.#handedOverAt === null) return false;
    // One that hangs before its first line has no timeout of its own yet.
    if (performance.now() - this.#handedOverAt > this.#beginMs) systemctl('kill', '--signal=KILL', '--', this.#unit);
    return !isUnitThere(this.#unit);
  }

  /** So that the end of a step is seen at once; where it cannot be watched, at the next look. */
  #watchForResult(): void {
    try {
      this.#watcher = watch(this.directory, { persistent: false }, (_event, name) => {
        if (name !== 'result.json' || !readResult(this.directory)) return;
        this.#watcher?.close();
        this.#lookSoon(END_LOOKS);
      });
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch {
      // No more watches: the system's limit is shared by all.
    }
  }

  #lookSoon(left: number): void {
    if (this.#watched.look()) this.#onEnd();
    else if (left > 0) setTimeout(() => this.#lookSoon(left - 1), END_LOOK_MS).unref();
  }

  #note(text: string): void {
    try {
      appendFileSync(stepFile.log(this.directory), `${text}\n`);
    } catch {
      // The message is lost, the failure is seen all the same.
    }
  }
}

function openLog(directory: string): number {
  const log = openSync(stepFile.log(directory), 'a', 0o600);
  // The child has a copy of it once it is spawned, which is before anything else happens here.
  queueMicrotask(() => closeSync(log));
  return log;
}

function isUnitThere(unit: string): boolean {
  return /^(active|activating|deactivating)/.test(
    systemctl('show', '--property=ActiveState', '--value', '--', unit) ?? '',
  );
}

/** What it says; null where it does not answer. */
const systemctl = (...args: string[]): string | null =>
  spawnSync('systemctl', args, { env: STEP_ENVIRONMENT, encoding: 'utf8', timeout: 10_000 }).stdout;

/** Null where it cannot be found out. */
function systemdVersion(): number | null {
  const { stdout } = spawnSync('systemd-run', ['--version'], {
    env: STEP_ENVIRONMENT,
    encoding: 'utf8',
    timeout: 10_000,
  });
  const [, version] = /^systemd (\d+)/.exec(stdout ?? '') ?? [];
  return version === undefined ? null : Number(version);
}
