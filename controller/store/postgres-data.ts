import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { StoreError } from './errors.ts';
import { makeOwned, type Place } from './postgres-place.ts';
import type { Programs } from './postgres-programs.ts';
import { identity } from './postgres-user.ts';

const HALF_MADE = 'data.new-';

/** One syncfs(2) instead of an fsync for each of a thousand files: as durable, and twice as quick on a busy disk. */
const SYNC_ONCE = '--sync-method=syncfs';

/** Makes the data directory at the first start; refuses one that this PostgreSQL cannot read. */
export async function prepareData(programs: Programs, place: Place, durable: boolean): Promise<void> {
  const made = madeBy(place.data);
  if (made === null) return makeData(programs, place, durable);
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

/** Makes the data directory: aside and renamed, so that a half made one is never taken for one. */
async function makeData(programs: Programs, place: Place, durable: boolean): Promise<void> {
  const fresh = join(place.home, `${HALF_MADE}${randomUUID()}`);
  removeHalfMade(place.home);
  // The server's user may not write in the directory above: root makes the place, the user fills it.
  makeOwned(place.user, fresh);
  const args = [
    '-D',
    fresh,
    '-U',
    'tidemark',
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--no-instructions',
  ];
  const child = spawn(programs.initdb, [...args, durable ? SYNC_ONCE : '--no-sync'], {
    ...identity(place.user),
    cwd: place.home,
    env: { LC_ALL: 'C', PATH: '/usr/bin:/bin' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', text => {
    said += text;
  });
  const [status] = (await once(child, 'close').catch(error => [String(error)])) as [number | string];
  if (status !== 0) {
    rmSync(fresh, { recursive: true, force: true });
    throw new StoreError(
      'private-database',
      `the private database cannot be made in ${place.home}: ${said.trim() || status}. ` +
        'Put that right and start again, or set DATABASE_URL to a PostgreSQL of your own',
    );
  }
  renameSync(fresh, place.data);
  syncDirectory(dirname(place.data));
}

function syncDirectory(directory: string): void {
  const handle = openSync(directory, 'r');
  fsyncSync(handle);
  closeSync(handle);
}

/** What a start that was killed has left. One that is still being written goes at the next start. */
function removeHalfMade(home: string): void {
  for (const name of readdirSync(home).filter(entry => entry.startsWith(HALF_MADE))) {
    try {
      rmSync(join(home, name), { recursive: true, force: true });
    } catch {
      // Its initdb outlived its controller and writes on.
    }
  }
}
