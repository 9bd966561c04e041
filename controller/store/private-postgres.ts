import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { prepareData } from './postgres-data.ts';
import { stopLeftover } from './postgres-leftover.ts';
import { own } from './postgres-owner.ts';
import { isTemporary, makeOwned, type Place, preparePlace } from './postgres-place.ts';
import { type RunningServer, startServer } from './postgres-process.ts';
import { findPrograms } from './postgres-programs.ts';

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

/** Sessions of a server that was killed take a moment to notice; until they have ended a new one refuses to start. */
const RESTART_PAUSE_MS = 250;
/** When it does not come up at once the cause is not its own (a full disk, say), and somebody has to see to that. */
const RESTART_LATER_MS = 5_000;

export async function startPrivatePostgres(options: PrivatePostgresOptions): Promise<PrivatePostgres> {
  const place = preparePlace(options.stateDirectory, options.elsewhere);
  const settings = options.settings ?? {};
  let disown = () => {};
  try {
    disown = own(place.ownerFile);
    const programs = findPrograms(place.user, place.home);
    await stopLeftover(place.data, place.user);
    await prepareData(programs, place, settings['fsync'] !== 'off');
    makeOwned(place.user, place.socketDirectory);
    const start = () => startServer(programs, place, settings);
    const restart = async () => {
      await stopLeftover(place.data, place.user);
      return start();
    };
    const supervised = supervise(await start(), restart, options.onTrouble ?? (() => {}));
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

function forgetSocket(place: Place): void {
  if (isTemporary(place)) rmSync(place.socketDirectory, { recursive: true, force: true });
}

/** Starts the server again when it dies of itself (killed for lack of memory, say). The driver reconnects by itself. */
function supervise(
  first: RunningServer,
  restart: () => Promise<RunningServer>,
  onTrouble: (message: string) => void,
): { pid(): number | undefined; stop(): Promise<void> } {
  const stopping = new AbortController();
  let server = first;
  let restarting: Promise<void> = Promise.resolve();

  const watch = () =>
    server.child.once('exit', (status, signal) => {
      if (!stopping.signal.aborted) restarting = revive(signal ?? `status ${status}`);
    });

  async function revive(how: string): Promise<void> {
    onTrouble(`the private PostgreSQL ended with ${how}; it is started again`);
    for (let pauseMs = RESTART_PAUSE_MS; ; pauseMs = RESTART_LATER_MS) {
      await sleep(pauseMs, undefined, { signal: stopping.signal }).catch(() => {});
      if (stopping.signal.aborted) return;
      try {
        server = await restart();
        watch();
        return;
      } catch (error) {
        onTrouble((error as Error).message);
      }
    }
  }

  watch();
  return {
    pid: () => server.child.pid,
    stop: async () => {
      stopping.abort();
      await restarting;
      await server.stop();
    },
  };
}
