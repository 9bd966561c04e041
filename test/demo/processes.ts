import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

/*
 * What the demo has started, by process id and start time, kept in a file: a demo that is killed leaves processes
 * behind, and the next one ends exactly those. A pid alone would not do: it may be somebody else's by then.
 */

export interface StartedProcess {
  name: string;
  pid: number;
  /** Clock ticks after boot, as /proc/<pid>/stat gives it. */
  startTime: string;
}

export interface Register {
  add(name: string, pid: number): void;
  /** Ends all that still run, last started first, and forgets them. */
  endAll(): Promise<StartedProcess[]>;
}

/** How long a process may take to end by itself; a controller closes its database in this time. */
const GRACE_MS = 15_000;

export function openRegister(file: string, { graceMs = GRACE_MS } = {}): Register {
  let started: StartedProcess[] = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as StartedProcess[]) : [];
  const save = () => {
    writeFileSync(`${file}.new`, `${JSON.stringify(started, null, 1)}\n`);
    renameSync(`${file}.new`, file);
  };
  return {
    add(name, pid) {
      const startTime = startTimeOf(pid);
      if (startTime === null) return;
      started.push({ name, pid, startTime });
      save();
    },
    async endAll() {
      const running = started.filter(each => each.pid !== process.pid && isRunning(each)).reverse();
      for (const each of running) signal(each, 'SIGTERM');
      await ended(running, graceMs);
      for (const each of running.filter(isRunning)) signal(each, 'SIGKILL');
      // The kernel ends them when it comes to it.
      await ended(running, KILLED_MS);
      started = [];
      if (existsSync(file)) save();
      return running;
    },
  };
}

const KILLED_MS = 10_000;

/** Waits until none of them runs any more, for so long at most. */
async function ended(processes: readonly StartedProcess[], withinMs: number): Promise<void> {
  const end = performance.now() + withinMs;
  while (processes.some(isRunning) && performance.now() < end) await pause(50);
}

export const isRunning = ({ pid, startTime }: StartedProcess): boolean => startTimeOf(pid) === startTime;

/** Null where there is no such process, or it has ended and only waits to be collected. */
export function startTimeOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command's name stands in brackets and may hold anything: what counts begins after the last bracket.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}

export function signal({ pid }: StartedProcess, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has just ended.
  }
}

export const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));
