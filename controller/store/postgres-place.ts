import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StoreError } from './errors.ts';
import { reaches, type ServerUser, serverUser } from './postgres-user.ts';

/** Where the private PostgreSQL lives. */
export interface Place {
  user: ServerUser;
  /** Holds all of it; the server's user may pass through. */
  home: string;
  data: string;
  /** Closed to everybody but the server's user and the controller: whoever gets in is let in without a password. */
  socketDirectory: string;
  log: string;
  /** In the controller's own directory, never elsewhere: says whose it is. */
  ownerFile: string;
}

/** For a state directory that the server's user cannot enter, such as one below /root. */
const ELSEWHERE = '/var/lib/tidemark-postgres';

/** `sockaddr_un` has 108 bytes, the last of them a NUL. */
const MAX_SOCKET_PATH_BYTES = 107;
/** Of socket directories that are not beside the data. */
export const TEMPORARY_PREFIX = 'tidemark-pg-';
export const SOCKET_NAME = '.s.PGSQL.5432';

/**
 * `<state>/postgres`, or where the server's user cannot enter that, a directory below {@link ELSEWHERE} of which
 * `<state>/postgres/location` tells. Its name is random, so that a state directory made anew never finds the old data.
 */
export function preparePlace(stateDirectory: string, elsewhere = ELSEWHERE): Place {
  const own = join(stateDirectory, 'postgres');
  makePassable(stateDirectory);
  makePassable(own);
  const location = join(own, 'location');
  let home = existsSync(location) ? readFileSync(location, 'utf8').trim() : own;
  let user = serverUser(join(home, 'data'));
  if (home === own && user && !reaches(user, own)) {
    home = join(elsewhere, randomUUID());
    makeReachable(user, elsewhere, home);
    writeFileSync(`${location}.new`, `${home}\n`);
    renameSync(`${location}.new`, location);
    user = serverUser(join(home, 'data'));
  }
  if (!existsSync(home))
    throw new StoreError(
      'private-database',
      `the private database of ${stateDirectory} lies in ${home} (says ${location}), and that is gone: restore it, or begin with an empty state directory`,
    );
  return {
    user,
    home,
    data: join(home, 'data'),
    socketDirectory: socketDirectory(home),
    log: join(home, 'postgres.log'),
    ownerFile: join(own, 'owner'),
  };
}

function makeReachable(user: ServerUser, elsewhere: string, home: string): void {
  try {
    makePassable(elsewhere);
    makePassable(home);
  } catch (error) {
    throw new StoreError(
      'private-database',
      `user ${user?.name} cannot enter the state directory, and ${home} cannot be made (${(error as Error).message}): ` +
        `choose a state directory that ${user?.name} can enter, such as /var/lib/tidemark`,
      error,
    );
  }
  if (reaches(user, home)) return;
  rmSync(home, { recursive: true });
  throw new StoreError(
    'private-database',
    `user ${user?.name} can enter neither the state directory nor ${elsewhere}: choose a state directory that it can enter, such as /var/lib/tidemark`,
  );
}

/** Others may pass through what is made here, whatever the umask says; a directory that was there stays as it is. */
function makePassable(directory: string): void {
  if (mkdirSync(directory, { recursive: true }) !== undefined) chmodSync(directory, 0o711);
}

/** Beside the data, or a new one in the temporary directory where that path is too long for a socket. */
function socketDirectory(home: string): string {
  const near = join(home, 'socket');
  if (Buffer.byteLength(join(near, SOCKET_NAME)) <= MAX_SOCKET_PATH_BYTES) return near;
  const temporary = Buffer.byteLength(tmpdir()) <= 60 ? tmpdir() : '/tmp';
  return mkdtempSync(join(temporary, TEMPORARY_PREFIX));
}

/** Made for the server's user alone. Root gets in nevertheless. */
export function makeOwned(user: ServerUser, directory: string): void {
  mkdirSync(directory, { recursive: true });
  if (user) chownSync(directory, user.uid, user.gid);
  chmodSync(directory, 0o700);
}

export const isTemporary = (place: Place): boolean => place.socketDirectory !== join(place.home, 'socket');
