import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExtractTablesWithRelations } from 'drizzle-orm';
import type { PgDatabase } from 'drizzle-orm/pg-core';
import { drizzle, type PostgresJsDatabase, type PostgresJsQueryResultHKT } from 'drizzle-orm/postgres-js';
import { siteConnection, withoutSecret } from './database-url.ts';
import { StoreError } from './errors.ts';
import { migrateDatabase } from './migrate.ts';
import { type PrivatePostgres, startPrivatePostgres } from './private-postgres.ts';
import * as schema from './schema.ts';
import { openSessions, type Sessions, type SqlClient } from './sessions.ts';

export type Db = PostgresJsDatabase<typeof schema>;
export type Tx = Parameters<Parameters<Db['transaction']>[0]>[0];
/** What can be asked: the database itself, or a transaction in it. */
export type Queries = PgDatabase<PostgresJsQueryResultHKT, typeof schema, ExtractTablesWithRelations<typeof schema>>;

export interface Store {
  db: Db;
  /** For what drizzle cannot say. */
  sql: SqlClient;
  /** All of `work` or nothing. A rejection undoes it; what cannot be known (the connection was lost at commit) rejects too. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Ends the sessions, and the private PostgreSQL where there is one. */
  close(): Promise<void>;
  /** The private PostgreSQL; null where the site's is used. */
  server: PrivatePostgres | null;
}

export interface OpenStoreOptions {
  /** The site's PostgreSQL. Null or left out: a private one in `stateDir`. */
  databaseUrl?: string | null;
  stateDir: string;
  migrationsFolder?: string;
  maxConnections?: number;
  /** One sentence each, for the log: the private server died and was started again. */
  onTrouble?: (message: string) => void;
}

/** Oldest that is tested. */
const OLDEST_MAJOR = 15;
const DEFAULT_CONNECTIONS = 10;
/** A transaction that does nothing for so long has lost its owner, and holds locks. */
const IDLE_IN_TRANSACTION_MS = 60_000;

/**
 * Opens the database and brings it to this program's schema. Throws {@link StoreError}, and then leaves no process
 * behind.
 */
export async function openStore(options: OpenStoreOptions): Promise<Store> {
  const server = options.databaseUrl ? null : await privateServer(options);
  const sessions = connect(options, server);
  const { sql } = sessions;
  try {
    if (options.databaseUrl) await checkSite(sql, options.databaseUrl);
    await migrateDatabase(only => connect(options, server, only), options.migrationsFolder ?? defaultMigrations());
  } catch (error) {
    await sql.end();
    await server?.stop();
    throw error;
  }
  const db = drizzle(sessions.driver, { schema });
  return {
    db,
    sql,
    server,
    transaction: work => db.transaction(work),
    close: async () => {
      await sql.end();
      await server?.stop();
    },
  };
}

/** In the bundle the build has put the migrations beside it; in the source they are beside this file as well. */
export function defaultMigrations(): string {
  return fileURLToPath(new URL('./migrations', import.meta.url));
}

const DATABASE = 'tidemark';

async function privateServer(options: OpenStoreOptions): Promise<PrivatePostgres> {
  const server = await startPrivatePostgres({
    stateDirectory: resolve(options.stateDir),
    ...(options.onTrouble && { onTrouble: options.onTrouble }),
  });
  try {
    await createDatabase(server, DATABASE);
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** Makes a database in the private server unless it is there; `template` for a copy of another one. */
export async function createDatabase(server: PrivatePostgres, name: string, template?: string): Promise<void> {
  const { sql } = connectTo(server, 'postgres', 1);
  try {
    const found = await sql`select 1 from pg_database where datname = ${name}`;
    if (found.length === 0) await sql.unsafe(`create database "${name}"${template ? ` template "${template}"` : ''}`);
  } finally {
    await sql.end();
  }
}

function connect(
  options: OpenStoreOptions,
  server: PrivatePostgres | null,
  connections = options.maxConnections ?? DEFAULT_CONNECTIONS,
): Sessions {
  if (server) return connectTo(server, DATABASE, connections);
  return openSessions({ ...DRIVER_OPTIONS, ...siteConnection(options.databaseUrl ?? '') }, connections);
}

export const connectTo = (server: PrivatePostgres, database: string, connections = DEFAULT_CONNECTIONS): Sessions =>
  openSessions(
    // The port is in the socket's name; left out, the driver would take PGPORT.
    { ...DRIVER_OPTIONS, host: server.socketDirectory, port: 5432, username: server.user, database },
    connections,
  );

const DRIVER_OPTIONS = {
  // "already exists, skipping" is no news.
  onnotice: () => {},
  connection: { application_name: 'tidemark', idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS },
};

async function checkSite(sql: SqlClient, url: string): Promise<void> {
  const where = withoutSecret(url);
  const [answer] = await sql`
    select current_setting('server_version_num')::int as version, current_setting('server_encoding') as encoding,
           pg_is_in_recovery() as standby`.catch((error: Error & { code?: string }) => {
    const why = error.message.trim() || error.code || 'no answer';
    throw new StoreError(
      'site-database',
      `the database ${where} cannot be used (${why}): check DATABASE_URL and that the server is up and lets this user in`,
      error,
    );
  });
  const major = Math.floor(Number(answer?.['version']) / 10_000);
  if (major < OLDEST_MAJOR)
    throw new StoreError(
      'site-database',
      `the database ${where} is PostgreSQL ${major}: Tidemark needs ${OLDEST_MAJOR} or later`,
    );
  if (answer?.['encoding'] !== 'UTF8')
    throw new StoreError(
      'site-database',
      `the database ${where} has encoding ${answer?.['encoding']}: make one with encoding UTF8`,
    );
  if (answer['standby'])
    throw new StoreError(
      'site-database',
      `the database ${where} is a standby and takes no changes: point DATABASE_URL at the primary`,
    );
}
