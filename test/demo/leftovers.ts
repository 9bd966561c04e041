import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Places } from './places.ts';
import { isRunning, pause, type StartedProcess, signal, startTimeOf } from './processes.ts';

/*
 * Processes that the demo did not start itself and that must not outlive it: components that agents started, steps, which
 * are made to outlive their agents, and the database that a controller could not stop because it was killed. They are
 * known by pid files in the demo's own directory, and believed only where the process itself says that it belongs there.
 */

const GRACE_MS = 5_000;

export async function endLeftovers(places: Places): Promise<StartedProcess[]> {
  const found = [...steps(places), ...components(places), ...databases(places)];
  // SIGINT is PostgreSQL's fast shutdown: it does not wait for clients that are gone.
  for (const each of found) signal(each, each.name === 'postgres' ? 'SIGINT' : 'SIGTERM');
  const end = performance.now() + GRACE_MS;
  while (found.some(isRunning) && performance.now() < end) await pause(50);
  for (const each of found.filter(isRunning)) signal(each, 'SIGKILL');
  return found;
}

/** A step is called with the directory that it works in. */
function steps(places: Places): StartedProcess[] {
  const servers = `${join(places.base, 'servers')}/`;
  return listing('/proc').flatMap(name => {
    const pid = Number(name);
    const startTime = Number.isInteger(pid) ? startTimeOf(pid) : null;
    if (startTime === null) return [];
    const [, ...args] = commandOf(pid);
    const directory = args[args.indexOf('step') + 1] ?? '';
    return args.includes('step') && directory.startsWith(servers) ? [{ name: 'step', pid, startTime }] : [];
  });
}

/** Empty where the process has ended meanwhile, or is another user's. */
function commandOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

function components(places: Places): StartedProcess[] {
  const servers = join(places.base, 'servers');
  return listing(servers).flatMap(server => {
    const root = places.rootOf(server);
    return listing(join(root, 'run'))
      .filter(name => name.endsWith('.pid'))
      .flatMap(name => processOf(name.slice(0, -'.pid'.length), join(root, 'run', name), `${root}/opt/`));
  });
}

function databases(places: Places): StartedProcess[] {
  if (!existsSync(places.controllerState)) return [];
  return readdirSync(places.controllerState, { recursive: true, withFileTypes: true })
    .filter(entry => entry.name === 'postmaster.pid')
    .flatMap(entry => processOf('postgres', join(entry.parentPath, entry.name), entry.parentPath));
}

/** The process that a pid file names, if its command line speaks of `path`. */
function processOf(name: string, pidFile: string, path: string): StartedProcess[] {
  const pid = Number.parseInt(readFileSync(pidFile, 'utf8'), 10);
  const startTime = Number.isInteger(pid) && pid > 1 ? startTimeOf(pid) : null;
  if (startTime === null) return [];
  return commandOf(pid).join(' ').includes(path) ? [{ name, pid, startTime }] : [];
}

const listing = (directory: string): string[] => (existsSync(directory) ? readdirSync(directory) : []);
