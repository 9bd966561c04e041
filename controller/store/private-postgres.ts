import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreError } from './errors.ts';
import { own } from './postgres-owner.ts';
import { isTemporary, makeOwned, type Place, preparePlace } from './postgres-place.ts';
import { makeData, type RunningServer, startServer, stopLeftover } from './postgres-process.ts';
import { findPrograms, type Programs } from './postgres-programs.ts';

/*
 * The PostgreSQL that a controller without DATABASE_URL keeps for itself: on a socket in its state directory, without
 * TCP, as a user that is not root. The life of it:
 *
 *   own the place -> stop what a killed controller left -> make the data (first start) -> start -> restart on its death
 *   -> stop with the controller, whichever way that ends
 */

export interface PrivatePostgres {
  /** Directory of its socket, for a driver's `host`. */
  socketDirectory: string;
  user: string;
  /** Process id of the server, for tests and `doctor`; changes when it had to be restarted. */
  pid(): number | undefined;
  stop(): Promise<void>;
}

export interface PrivatePostgresOptions {
  stateDirectory: string;
  /** Where data goes that the server's user could not reach in the state directory. */
  elsewhere?: string;
  /** Settings of the server beyond its own. Tests turn `fsync` off, and nothing else does. */
  settings?: Readonly<Record<string, string>>;
  /** Told in one sentence when the server died, and whether it could be restarted. */
  onTrouble?: (message: string) => void;
}

/** Dead this often within {@link RESTARTS_WITHIN_MS}, it will not live: the controller is better stopped than half alive. */
const MAX_RESTARTS = 5;
const RESTARTS_WITHIN_MS = 60_000;
/** Sessions of a server that was killed take a moment to notice; until they have ended a new one refuses to start. */
const RESTART_PAUSE_MS = 250;

export async function startPrivatePostgres(options: PrivatePostgresOptions): Promise<PrivatePostgres> {
  const place = preparePlace(options.stateDirectory, options.elsewhere);
  const disown = own(place.ownerFile);
  const settings = options.settings ?? {};
  try {
    const programs = findPrograms(place.user, place.home);
    await stopLeftover(place.data);
    await prepareData(programs, place, settings['fsync'] !== 'off');
    makeOwned(place.user, place.socketDirectory);
    const supervised = supervise(
      await startServer(programs, place, settings),
      () => startServer(programs, place, settings),
      options.onTrouble ?? (() => {}),
    );
    return {
      socketDirectory: place.socketDirectory,
      user: 'tidemark',
      pid: supervised.pid,
      stop: async () => {
        await supervised.stop();
        forgetSocket(place);
        disown();
      },
    };
  } catch (error) {
    forgetSocket(place);
    disown();
    throw error;
  }
}

async function prepareData(programs: Programs, place: Place, durable: boolean): Promise<void> {
  const made = madeBy(place.data);
  if (made === null) {
    rmSync(join(place.home, 'data.new'), { recursive: true, force: true });
    // The server's user may not write in the directory above: root makes the place, the user fills it.
    makeOwned(place.user, join(place.home, 'data.new'));
    return makeData(programs, place, durable);
  }
  if (made === programs.major) return;
  throw new StoreError(
    'private-database',
    `the private database in ${place.data} was made by PostgreSQL ${made}, and this Tidemark brings PostgreSQL ${programs.major}, which cannot read it. ` +
      'Start the Tidemark that you had before, copy the database with pg_dump into a PostgreSQL of your own, and start this one with DATABASE_URL set to that',
  );
}

/** Major version of the PostgreSQL that made the data directory; null where there is none yet. */
function madeBy(data: string): string | null {
  try {
    return readFileSync(join(data, 'PG_VERSION'), 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function forgetSocket(place: Place): void {
  if (isTemporary(place)) rmSync(place.socketDirectory, { recursive: true, force: true });
}

/** Starts the server again when it dies of itself (killed for lack of memory, say). The driver reconnects by itself. */
function supervise(first: RunningServer, restart: () => Promise<RunningServer>, onTrouble: (message: string) => void) {
  let server = first;
  let stopping = false;
  let restarting: Promise<void> = Promise.resolve();
  let deaths: number[] = [];

  const watch = () =>
    server.child.once('exit', (status, signal) => {
      if (!stopping) restarting = revive(`ended with ${signal ?? `status ${status}`}`);
    });

  async function revive(how: string): Promise<void> {
    const now = performance.now();
    deaths = [...deaths.filter(at => at > now - RESTARTS_WITHIN_MS), now];
    onTrouble(`the private PostgreSQL ${how}; it is started again`);
    while (!stopping) {
      if (deaths.length > MAX_RESTARTS)
        return onTrouble(
          'the private PostgreSQL does not stay up: stop the controller and look at postgres.log in its state directory',
        );
      await sleep(RESTART_PAUSE_MS);
      try {
        server = await restart();
        watch();
        return;
      } catch (error) {
        deaths.push(performance.now());
        onTrouble((error as Error).message);
      }
    }
  }

  watch();
  return {
    pid: () => server.child.pid,
    stop: async () => {
      stopping = true;
      await restarting;
      await server.stop();
    },
  };
}
