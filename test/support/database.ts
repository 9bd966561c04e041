import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrateDatabase } from '@tidemark/controller/store/migrate.ts';
import { type PrivatePostgres, startPrivatePostgres } from '@tidemark/controller/store/private-postgres.ts';
import * as schema from '@tidemark/controller/store/schema.ts';
import { connectTo, createDatabase, defaultMigrations, type Store } from '@tidemark/controller/store/store.ts';
import { drizzle } from 'drizzle-orm/postgres-js';
import { afterAll, beforeAll } from 'vitest';

export interface TestDatabases {
  /** A store over a database of its own, empty but for the schema: a copy of one that is migrated once, 40 ms. */
  fresh(): Promise<Store>;
  server: PrivatePostgres;
  /** Holds the server; for what a test puts beside it. */
  directory: string;
  /** Ends every session and the server, and removes its files. */
  stop(): Promise<void>;
}

/** Quick, and room for the stores of many tests. */
const SETTINGS = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '400' };
const TEMPLATE = 'tidemark_template';

/** A private PostgreSQL without fsync, in the temporary directory; ends with this process, however that ends. */
export async function startTestDatabases(): Promise<TestDatabases> {
  const directory = mkdtempSync(join(tmpdir(), 'tm-db-'));
  // The server has a user of its own where the tests run as root; it passes through to what is below.
  chmodSync(directory, 0o711);
  const server = await startPrivatePostgres({ stateDirectory: join(directory, 'state'), settings: SETTINGS });
  const stores: Store[] = [];
  let made = 0;

  const stop = async () => {
    await Promise.all(stores.map(store => store.close()));
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  };

  try {
    await createDatabase(server, TEMPLATE);
    await migrateDatabase(connections => connectTo(server, TEMPLATE, connections), defaultMigrations());
  } catch (error) {
    await stop();
    throw error;
  }

  const fresh = async (): Promise<Store> => {
    const name = `test_${++made}`;
    await createDatabase(server, name, TEMPLATE);
    const { sql, driver } = connectTo(server, name);
    const db = drizzle(driver, { schema });
    const store: Store = {
      db,
      sql,
      server: null,
      transaction: work => db.transaction(work),
      close: () => sql.end(),
    };
    stores.push(store);
    return store;
  };
  return { fresh, server, directory, stop };
}

/**
 * For a test file: registers the start and the end of its server, and gives a function that makes a fresh store.
 *
 *     const freshStore = testStores();
 *     it('...', async () => { const store = await freshStore(); ... });
 */
export function testStores(): () => Promise<Store> {
  let databases: TestDatabases | null = null;
  beforeAll(async () => {
    databases = await startTestDatabases();
  });
  afterAll(() => databases?.stop());
  return () => {
    if (!databases) throw new Error('a store is there from beforeAll on, not while tests are being collected');
    return databases.fresh();
  };
}
