import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreError } from './errors.ts';
import { pidFile } from './postgres-leftover.ts';
import type { Place } from './postgres-place.ts';
import type { Programs } from './postgres-programs.ts';
import { identity, type ServerUser } from './postgres-user.ts';

/** Recovery after a crash replays at most `max_wal_size` of log; minutes on a slow disk, and nothing helps but to wait. */
const READY_WITHIN_MS = 300_000;
/** A fast shutdown writes one checkpoint. */
const FAST_STOP_WITHIN_MS = 30_000;
const POLL_MS = 10;
const MAX_LOG_BYTES = 5 * 1024 * 1024;

/**
 * A controller and a few dozen sessions need little memory; what is committed must survive a power cut, so fsync and
 * full_page_writes stay as they are (on).
 */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '',
  max_connections: '40',
  shared_buffers: '32MB',
  work_mem: '4MB',
  maintenance_work_mem: '32MB',
  max_wal_size: '256MB',
  // One server, no replicas, no log shipping.
  wal_level: 'minimal',
  max_wal_senders: '0',
  // Each of these saves processes or memory that so small a server has no use for.
  io_method: 'sync',
  max_parallel_workers_per_gather: '0',
  max_logical_replication_workers: '0',
  autovacuum_max_workers: '1',
  jit: 'off',
  huge_pages: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_min_messages: 'warning',
};

export interface RunningServer {
  child: ChildProcess;
  /** Fast shutdown: sessions are ended, what is committed is written. Resolves when the process has ended. */
  stop(): Promise<void>;
}

/** Starts the server and waits until it takes sessions. */
export async function startServer(
  programs: Programs,
  place: Place,
  extra: Readonly<Record<string, string>> = {},
): Promise<RunningServer> {
  const settings = {
    ...SETTINGS,
    unix_socket_directories: place.socketDirectory,
    unix_socket_permissions: '0700',
    ...extra,
  };
  const log = openLog(place.log);
  const child = spawn(
    programs.postgres,
    ['-D', place.data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    {
      ...identity(place.user),
      cwd: place.home,
      env: { LC_ALL: 'C', PATH: '/usr/bin:/bin' },
      stdio: ['ignore', log, log],
      // A session of its own: Ctrl-C in a terminal reaches the controller alone, which stops its database last.
      detached: true,
    },
  );
  closeSync(log);
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()).once('error', () => resolve()));
  const guard = child.pid === undefined ? null : stopWithController(child.pid, place.user);
  void ended.then(() => guard?.kill('SIGKILL'));
  const stop = async () => {
    child.kill('SIGINT');
    if ((await Promise.race([ended, sleep(FAST_STOP_WITHIN_MS, 'late', { ref: false })])) === 'late')
      child.kill('SIGQUIT');
    await ended;
  };
  const until = performance.now() + READY_WITHIN_MS;
  while (!isReady(place.data, child.pid)) {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null)
      throw new StoreError(
        'private-database',
        `the private PostgreSQL did not start. The end of ${place.log}:\n${tailOf(place.log)}`,
      );
    if (performance.now() > until) {
      await stop();
      throw new StoreError(
        'private-database',
        `the private PostgreSQL was not ready within ${READY_WITHIN_MS / 60_000} minutes: see ${place.log}`,
      );
    }
    await sleep(POLL_MS);
  }
  return { child, stop };
}

/**
 * Stops the server when this process is gone, however it went: the kernel then closes the pipe that the little shell
 * waits on. Without this a controller that was killed would leave a database running that nobody wants.
 */
function stopWithController(server: number, user: ServerUser): ChildProcess {
  const guard = spawn('/bin/sh', ['-c', 'read -r _; kill -INT "$1"', 'tidemark-postgres-guard', String(server)], {
    ...identity(user),
    cwd: '/',
    env: {},
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  // Without the guard the next start still finds and stops the server.
  guard.on('error', () => {});
  guard.unref();
  (guard.stdin as { unref?: () => void } | null)?.unref?.();
  return guard;
}

function isReady(data: string, pid: number | undefined): boolean {
  const file = pidFile(data);
  return file !== null && file.pid === pid && file.status === 'ready';
}

function openLog(file: string): number {
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > MAX_LOG_BYTES) renameSync(file, `${file}.1`);
  return openSync(file, 'a', 0o600);
}

const tailOf = (file: string): string => readFileSync(file, 'utf8').trimEnd().split('\n').slice(-10).join('\n');
