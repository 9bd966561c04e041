import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate } from 'drizzle-orm/postgres-js/migrator';
import { StoreError } from './errors.ts';
import type { Sessions, SqlClient } from './sessions.ts';

/** Any number that no other program takes for an advisory lock in this database: "tmig" in ASCII. */
const MIGRATION_LOCK = 0x746d6967;

interface Journal {
  entries: { when: number; tag: string }[];
}

/**
 * Brings the database to the newest migration in the folder, all in one transaction. Two controllers that start at once
 * do it one after the other. A database that a newer Tidemark has changed is refused: it may mean other things by now.
 */
export async function migrateDatabase(connect: (connections: number) => Sessions, folder: string): Promise<void> {
  const journal = readJournal(folder);
  // One session: the lock is its own.
  const { sql, driver } = connect(1);
  try {
    await sql`select pg_advisory_lock(${MIGRATION_LOCK})`;
    await refuseNewer(sql, journal);
    await migrate(drizzle(driver), { migrationsFolder: folder });
  } finally {
    // The lock goes with the session.
    await sql.end();
  }
}

function readJournal(folder: string): Journal {
  try {
    return JSON.parse(readFileSync(join(folder, 'meta/_journal.json'), 'utf8')) as Journal;
  } catch (error) {
    throw new StoreError('schema', `the database migrations are not in ${folder}: install Tidemark anew`, error);
  }
}

async function refuseNewer(sql: SqlClient, journal: Journal): Promise<void> {
  const [table] = await sql`select to_regclass('drizzle.__drizzle_migrations') is not null as exists`;
  if (!table?.['exists']) return;
  const newest = Math.max(...journal.entries.map(entry => entry.when));
  const rows = await sql`select count(*)::int as newer from drizzle.__drizzle_migrations where created_at > ${newest}`;
  const newer = Number(rows[0]?.['newer']);
  if (newer > 0)
    throw new StoreError(
      'schema',
      `a newer Tidemark has changed this database (${newer} ${newer === 1 ? 'migration' : 'migrations'} that this one does not know): ` +
        'install that version again, or restore the database from before the upgrade',
    );
}
