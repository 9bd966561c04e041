import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { capture } from './capture.ts';
import type { CommandPlace } from './command.ts';
import { controlValue, postgresTool } from './postgres-pair.ts';

/*
 * Whether a database below a path has been written to since a moment: what a snapshot that is put back would lose. Asked
 * before anything is put back; where it cannot be known the answer is yes.
 */

/** A database's directory, and where it stood when the snapshot was made. */
export interface DatabaseMark {
  path: string;
  kind: 'postgresql' | 'other';
  /** Position in PostgreSQL's write-ahead log; null where it could not be read, and for others. */
  position: string | null;
}

/** By a file that only the database has in its directory. */
const SIGNS: readonly [file: string, kind: DatabaseMark['kind']][] = [
  ['global/pg_control', 'postgresql'],
  // MySQL and MariaDB, MongoDB, Redis (with and without a log of its own), etcd.
  ['ibdata1', 'other'],
  ['WiredTiger.wt', 'other'],
  ['dump.rdb', 'other'],
  ['appendonlydir', 'other'],
  ['member/wal', 'other'],
];
/** Further down, a release would have to be walked through as a whole. */
const MAX_DEPTH = 5;

/** The databases below a path, with where they stand now. */
export async function markDatabases(at: string, place: CommandPlace): Promise<DatabaseMark[]> {
  const found: DatabaseMark[] = [];
  const look = async (directory: string, depth: number): Promise<void> => {
    for (const [file, kind] of SIGNS) {
      if (!(await stat(join(directory, file)).catch(() => null))) continue;
      const position = kind === 'postgresql' ? await positionNow(directory, place).catch(() => null) : null;
      found.push({ path: directory, kind, position });
      return;
    }
    if (depth === MAX_DEPTH) return;
    for (const entry of await readdir(directory, { withFileTypes: true }).catch(() => []))
      if (entry.isDirectory()) await look(join(directory, entry.name), depth + 1);
  };
  await look(at, 0);
  return found;
}

/** Why the database is taken to have been written to since then; null where it is known that it was not. */
export async function writtenSince(mark: DatabaseMark, since: number, place: CommandPlace): Promise<string | null> {
  if (!(await stat(mark.path).catch(() => null))) return null;
  if (mark.kind === 'postgresql' && mark.position !== null) return commitsSince(mark.path, mark.position, place);
  const newest = await newestChange(mark.path);
  return newest > since ? `a file of it changed at ${new Date(newest).toISOString()}` : null;
}

async function positionNow(directory: string, place: CommandPlace): Promise<string> {
  const tool = await postgresTool(place.root, directory, 'pg_controldata');
  const said = await capture([tool, directory], place);
  return controlValue(said.stdout, "Latest checkpoint's REDO location");
}

const END_OF_LOG =
  /error in WAL record at .*(invalid record length|invalid magic number|unexpected pageaddr|record with incorrect prev-link)/;

/** Transactions that were committed, as the log itself has them: a server that was only stopped and started has none. */
async function commitsSince(directory: string, position: string, place: CommandPlace): Promise<string | null> {
  try {
    const tool = await postgresTool(place.root, directory, 'pg_waldump');
    const timeline = await timelineOf(directory, place);
    const said = await capture(
      [tool, '-p', join(directory, 'pg_wal'), '-t', timeline, '-s', position, '-r', 'Transaction'],
      place,
    );
    const commits = said.stdout
      .split('\n')
      .filter(line => /desc: (COMMIT|COMMIT_PREPARED|PREPARE)\b/.test(line)).length;
    if (commits > 0) return `${commits} transactions were committed since`;
    // It always ends with an error: at the first record that is not written yet. Any other one is doubt.
    if (END_OF_LOG.test(said.lastLine)) return null;
    return `its log since then cannot be read: ${said.lastLine}`;
  } catch (error) {
    return `nobody can tell: ${(error as Error).message}`;
  }
}

async function timelineOf(directory: string, place: CommandPlace): Promise<string> {
  const tool = await postgresTool(place.root, directory, 'pg_controldata');
  const said = await capture([tool, directory], place);
  return controlValue(said.stdout, "Latest checkpoint's TimeLineID");
}

async function newestChange(path: string): Promise<number> {
  const found = await stat(path).catch(() => null);
  if (!found) return 0;
  if (!found.isDirectory()) return found.mtimeMs;
  let newest = 0;
  for (const name of await readdir(path)) newest = Math.max(newest, await newestChange(join(path, name)));
  return newest;
}
