import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { StoreError } from './errors.ts';

/** As whom PostgreSQL runs; null: as the controller itself. */
export type ServerUser = { uid: number; gid: number; name: string } | null;

/** PostgreSQL refuses to run as root. These exist on about every system; the first that does is taken. */
const CANDIDATES = ['postgres', 'nobody'];

interface Account {
  name: string;
  uid: number;
  gid: number;
}

export function accountsOf(passwd: string): Account[] {
  return passwd.split('\n').flatMap(line => {
    const [name, , uid, gid] = line.split(':');
    return name && uid && gid ? [{ name, uid: Number(uid), gid: Number(gid) }] : [];
  });
}

/**
 * Who owns an existing data directory runs it, also where an account called postgres came to the machine later.
 * Otherwise root hands over to the first candidate, and everybody else runs it as themselves.
 */
export function chooseUser(self: number, dataOwner: number | null, accounts: readonly Account[]): ServerUser {
  if (self !== 0) {
    if (dataOwner === null || dataOwner === self) return null;
    throw new StoreError(
      'private-database',
      `the private database belongs to user ${nameOf(dataOwner, accounts)} and the controller runs as ${nameOf(self, accounts)}: ` +
        'start the controller as the user who made it (root, if that was root), or give its directory to this user with chown -R',
    );
  }
  const account =
    dataOwner !== null && dataOwner !== 0
      ? accounts.find(({ uid }) => uid === dataOwner)
      : CANDIDATES.map(wanted => accounts.find(({ name, uid }) => name === wanted && uid !== 0)).find(Boolean);
  if (account) return account;
  throw new StoreError(
    'private-database',
    'PostgreSQL does not run as root, and there is no account "postgres" or "nobody" to run it as: ' +
      'create one of them, start the controller as another user, or set DATABASE_URL to a PostgreSQL of your own',
  );
}

export function serverUser(dataDirectory: string): ServerUser {
  const owner = statSync(dataDirectory, { throwIfNoEntry: false })?.uid ?? null;
  return chooseUser(process.getuid?.() ?? 0, owner, accountsOf(readFileSync('/etc/passwd', 'utf8')));
}

/** True where that user may go through every directory above `directory` and into it: asked of the kernel, as that user. */
export function reaches(user: ServerUser, directory: string): boolean {
  const probe = spawnSync('/bin/sh', ['-c', '[ -x "$1" ]', 'sh', directory], { ...identity(user), cwd: '/' });
  if (probe.error)
    throw new StoreError(
      'private-database',
      `no program can be started as user ${user?.name ?? 'yourself'} (${probe.error.message}): ` +
        'start the controller as another user than root, or set DATABASE_URL to a PostgreSQL of your own',
    );
  return probe.status === 0;
}

/** For `spawn`. */
export const identity = (user: ServerUser): { uid?: number; gid?: number } =>
  user ? { uid: user.uid, gid: user.gid } : {};

const nameOf = (uid: number, accounts: readonly Account[]): string =>
  accounts.find(account => account.uid === uid)?.name ?? String(uid);
