import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  connectTo,
  createDatabase,
  defaultMigrations,
  openStore,
  type Store,
} from '@tidemark/controller/store/store.ts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startTestDatabases, type TestDatabases } from '../support/database.ts';

/*
 * The site's PostgreSQL, played by a private one that is reached by URL. What the migrations do is the same with either.
 */

let databases: TestDatabases;
let made = 0;
const opened: Store[] = [];

beforeAll(async () => {
  databases = await startTestDatabases();
});
afterEach(() => Promise.all(opened.splice(0).map(store => store.close())));
afterAll(() => databases?.stop());

const stateDir = '/nowhere/that/a/site/needs';

const urlOf = (database: string) =>
  `postgres://tidemark:geheim@localhost/${database}?host=${databases.server.socketDirectory}`;

async function emptyDatabase(): Promise<string> {
  const name = `site_${++made}`;
  await createDatabase(databases.server, name);
  return name;
}

async function open(database: string, migrationsFolder?: string): Promise<Store> {
  const store = await openStore({
    databaseUrl: urlOf(database),
    stateDir,
    ...(migrationsFolder && { migrationsFolder }),
  });
  opened.push(store);
  return store;
}

/** Every column, constraint, index and trigger. */
const schemaOf = (store: Store) => store.sql`
  select 'column' as kind, table_name || '.' || column_name || ' ' || data_type as what from information_schema.columns where table_schema = 'public'
  union all select 'constraint', conname from pg_constraint where connamespace = 'public'::regnamespace
  union all select 'index', indexname from pg_indexes where schemaname = 'public'
  union all select 'trigger', tgname from pg_trigger where not tgisinternal
  order by 1, 2`;

describe("a store in the site's PostgreSQL", () => {
  it('is migrated once, also by controllers that start at once, and left as it is the next time', async () => {
    const database = await emptyDatabase();
    const stores = await Promise.all([open(database), open(database), open(database)]);
    const [first] = stores as [Store, Store, Store];
    const before = await schemaOf(first);
    expect(before.length).toBeGreaterThan(100);
    const migrations = await first.sql`select * from drizzle.__drizzle_migrations`;
    const again = await open(database);
    expect(await schemaOf(again)).toEqual(before);
    expect(await again.sql`select * from drizzle.__drizzle_migrations`).toEqual(migrations);
    expect(new Set(migrations.map(row => row['hash'])).size).toBe(migrations.length);
  });

  it('keeps its data when it is opened again', async () => {
    const database = await emptyDatabase();
    const first = await open(database);
    await first.sql`insert into leases values ('l', 'a', 7, now())`;
    expect(await (await open(database)).sql`select epoch::int from leases`).toEqual([{ epoch: 7 }]);
  });

  it('is refused where a newer Tidemark has migrated it, and then not touched', async () => {
    const database = await emptyDatabase();
    const first = await open(database);
    await first.sql`insert into drizzle.__drizzle_migrations (hash, created_at) values ('of tomorrow', ${Date.parse('2100-01-01')})`;
    await first.sql`drop table observations`;
    await expect(open(database)).rejects.toThrow('a newer Tidemark has changed this database (1 migration');
    expect(await first.sql`select to_regclass('observations') as found`).toEqual([{ found: null }]);
  });

  it('stays as it was where a migration fails', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tm-migrations-'));
    try {
      cpSync(defaultMigrations(), folder, { recursive: true });
      const journal = JSON.parse(readFileSync(join(folder, 'meta/_journal.json'), 'utf8'));
      journal.entries.push({
        idx: 999,
        version: '7',
        when: Date.parse('2090-01-01'),
        tag: 'broken',
        breakpoints: true,
      });
      writeFileSync(join(folder, 'meta/_journal.json'), JSON.stringify(journal));
      writeFileSync(join(folder, 'broken.sql'), 'create table half (n int);--> statement-breakpoint\nselect 1/0');
      const database = await emptyDatabase();
      await expect(open(database, folder)).rejects.toThrow();
      const { sql } = connectTo(databases.server, database, 1);
      expect(await sql`select count(*)::int as n from information_schema.tables where table_schema = 'public'`).toEqual(
        [{ n: 0 }],
      );
      await sql.end();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each([
    [
      'a database that is not there',
      () => urlOf('not_there'),
      /postgres:\/\/tidemark@localhost\/not_there.*does not exist.*check DATABASE_URL/,
    ],
    [
      'a server that is not there',
      () => 'postgres://u:geheim@127.0.0.1:1/d',
      /postgres:\/\/u@127\.0\.0\.1:1\/d.*ECONNREFUSED.*check DATABASE_URL/,
    ],
    ['a text that is no URL', () => 'localhost, geheim', /^DATABASE_URL is no URL/],
  ])('says what to do about %s, without the password', async (_what, url, message) => {
    const failing = openStore({ databaseUrl: url(), stateDir });
    await expect(failing).rejects.toThrow(message);
    await expect(failing).rejects.not.toThrow('geheim');
  });

  it('is refused in a database of another encoding', async () => {
    const { sql } = connectTo(databases.server, 'postgres', 1);
    await sql`create database ascii encoding 'SQL_ASCII' locale_provider libc locale 'C' template template0`;
    await sql.end();
    await expect(open('ascii')).rejects.toThrow('encoding SQL_ASCII');
  });

  it('says that the migrations are gone where they are', async () => {
    const folder = join(databases.directory, 'empty');
    mkdirSync(folder);
    await expect(open(await emptyDatabase(), folder)).rejects.toThrow(`the database migrations are not in ${folder}`);
  });
});
