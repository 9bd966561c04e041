import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreError } from './errors.ts';
import { SOCKET_NAME, TEMPORARY_PREFIX } from './postgres-place.ts';
import { identity, type ServerUser } from './postgres-user.ts';
import { startTicks } from './process-identity.ts';

/** A fast shutdown writes one checkpoint. */
const STOP_WITHIN_MS = 30_000;
const KILLED_WITHIN_MS = 5_000;
const POLL_MS = 10;

/** What the server writes about itself (postmaster.pid): process, data, start, port, socket directory, address, key, status. */
export function pidFile(
  data: string,
): { pid: number; socketDirectory: string | undefined; status: string | undefined } | null {
  try {
    const lines = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n');
    const pid = Number(lines[0]);
    return Number.isInteger(pid) && pid > 1 ? { pid, socketDirectory: lines[4], status: lines[7]?.trim() } : null;
  } catch {
    return null;
  }
}

/**
 * Ends what still runs on this data: a server whose controller was killed, or sessions whose server was. Only the owner
 * of the state directory may call it, so none of them is anybody's. It is stopped rather than adopted: what it was
 * started with, by which version, nobody knows any more.
 */
export async function stopLeftover(data: string, user: ServerUser): Promise<void> {
  const file = pidFile(data);
  if (!file) return;
  const running = serversOn(data, user);
  const leaderRuns = running.some(({ pid }) => pid === file.pid);
  for (const { pid } of running) {
    if (pid === file.pid) signal(pid, 'SIGINT');
    // Without their server, sessions have nothing to finish.
    else if (!leaderRuns) signal(pid, 'SIGQUIT');
  }
  if (!(await ended(running, STOP_WITHIN_MS))) {
    for (const { pid } of running) signal(pid, 'SIGKILL');
    if (!(await ended(running, KILLED_WITHIN_MS)))
      throw new StoreError(
        'private-database',
        `a PostgreSQL that an earlier controller left (process ${file.pid}) does not end: end it by hand and start again`,
      );
  }
  forget(data, file);
}

/**
 * Takes away what a server that was killed has left. PostgreSQL does so itself, unless the old process id is still taken:
 * by another process (after a restart of a container, for one), or by the dead one, where nobody collects it (a
 * container without an init).
 */
function forget(data: string, { socketDirectory }: { socketDirectory: string | undefined }): void {
  rmSync(join(data, 'postmaster.pid'), { force: true });
  if (!socketDirectory) return;
  if (basename(socketDirectory).startsWith(TEMPORARY_PREFIX)) rmSync(socketDirectory, { recursive: true, force: true });
  else for (const name of [SOCKET_NAME, `${SOCKET_NAME}.lock`]) rmSync(join(socketDirectory, name), { force: true });
}

interface Running {
  pid: number;
  ticks: string;
}

/**
 * All processes of PostgreSQL on this data: it works in its data directory. Asked as their own user, since root without
 * CAP_SYS_PTRACE (in a container) may not see where another user's process works.
 */
function serversOn(data: string, user: ServerUser): Running[] {
  const script = 'for p in /proc/[0-9]*; do [ "$p/cwd" -ef "$1" ] && echo "$p"; done';
  const { stdout } = spawnSync('/bin/sh', ['-c', script, 'sh', data], {
    ...identity(user),
    cwd: '/',
    encoding: 'utf8',
  });
  return stdout.split('\n').flatMap(line => {
    const pid = Number(line.slice('/proc/'.length));
    const ticks = line === '' ? null : startTicks(pid);
    // An administrator's shell may work there as well.
    return ticks !== null && programOf(pid) === 'postgres' ? [{ pid, ticks }] : [];
  });
}

function programOf(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return null;
  }
}

async function ended(processes: readonly Running[], withinMs: number): Promise<boolean> {
  const until = performance.now() + withinMs;
  while (processes.some(({ pid, ticks }) => startTicks(pid) === ticks)) {
    if (performance.now() > until) return false;
    await sleep(POLL_MS);
  }
  return true;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended meanwhile.
  }
}
