import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/*
 * Control groups as far as systemd keeps units in them. A process cannot leave its group by itself, whatever it forks
 * into: what is in a unit's group is all that the unit started.
 */

/** In which file systems systemd's own hierarchy is: unified, or beside the controllers of version 1 (hybrid, legacy). */
const MOUNTS = ['/sys/fs/cgroup/systemd', '/sys/fs/cgroup'];

export interface CgroupProcess {
  pid: number;
  /** `postgres`; empty where it is gone meanwhile. */
  name: string;
}

/** The group of a process (`/system.slice/nginx.service`), as systemd says it in `ControlGroup`; null where there is none. */
export function controlGroupOf(pid: number | 'self'): string | null {
  try {
    return parseCgroupFile(readFileSync(`/proc/${pid}/cgroup`, 'utf8'));
  } catch {
    return null;
  }
}

/** Reads /proc/<pid>/cgroup: systemd's own hierarchy where there is one, else the unified one. */
export function parseCgroupFile(text: string): string | null {
  const lines = text.split('\n');
  const named = lines.find(line => /^\d+:name=systemd:/.test(line));
  const line = named ?? lines.find(each => each.startsWith('0::'));
  return line === undefined ? null : line.slice(line.indexOf(':', line.indexOf(':') + 1) + 1);
}

/** The unit that a group belongs to: `nginx.service` of `/system.slice/nginx.service/worker`; null outside of any. */
export function unitOfControlGroup(group: string): string | null {
  const units = group.split('/').filter(part => /\.(service|scope|socket|mount|swap)$/.test(part));
  // Below user@1000.service are the units of the user's own manager; the outermost is the system's.
  return units[0] ?? null;
}

/** Everything in the group and below. A group that is not there has none. */
export function processesOf(group: string): CgroupProcess[] {
  const directory = directoryOf(group);
  return directory === null ? [] : below(directory).map(pid => ({ pid, name: nameOf(pid) }));
}

/**
 * Sends a signal to everything in the group but `except`; says how many there were. One pass: what forks meanwhile is
 * met by the next one.
 */
export function signalControlGroup(group: string, signal: NodeJS.Signals, except: number | null = null): number {
  const others = processesOf(group).filter(({ pid }) => pid !== except);
  for (const { pid } of others) {
    try {
      process.kill(pid, signal);
    } catch {
      // Gone meanwhile.
    }
  }
  return others.length;
}

/** More than any fork bomb outlives when everything that it left is killed again and again. */
const KILL_PASSES = 200;

/** Kills everything in the group but `except`, and what it forks while it is being killed. */
export function killControlGroup(group: string, except: number | null = null): void {
  for (let pass = 0; pass < KILL_PASSES; pass++) if (signalControlGroup(group, 'SIGKILL', except) === 0) return;
}

function directoryOf(group: string): string | null {
  if (!group.startsWith('/') || group === '/' || group.split('/').includes('..')) return null;
  for (const mount of MOUNTS) {
    const directory = join(mount, group);
    if (existsSync(join(directory, 'cgroup.procs'))) return directory;
  }
  return null;
}

function below(directory: string): number[] {
  try {
    const own = readFileSync(join(directory, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
    const inner = readdirSync(directory, { withFileTypes: true }).filter(entry => entry.isDirectory());
    // A process of another pid namespace is shown as 0.
    return [...own.filter(pid => pid > 0), ...inner.flatMap(entry => below(join(directory, entry.name)))];
  } catch {
    return [];
  }
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}
