import { checkSql } from '@tidemark/agent/steps/check-sql.ts';
import { type StepFixture, stepFixture } from '@tidemark/agent/testing/step-context.ts';
import type { StepArgs } from '@tidemark/shared/orders/step-kinds.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestDatabases, type TestDatabases } from '../support/database.ts';

/* Against a real PostgreSQL, over its socket. Another user's identity needs root: test/lab/checks.lab.ts. */

let databases: TestDatabases;
let fixture: StepFixture;

beforeAll(async () => {
  databases = await startTestDatabases();
});
afterAll(() => databases.stop());
beforeEach(() => {
  fixture = stepFixture();
});
afterEach(() => fixture.close());

const ask = (query: string, expectValue: string | null = null, more: Partial<StepArgs<'check/sql'>> = {}) =>
  checkSql(
    {
      engine: 'postgresql',
      at: { by: 'socket', directory: databases.server.socketDirectory, port: 5432 },
      database: 'postgres',
      user: databases.server.user,
      systemUser: null,
      query,
      expectValue,
      statementMs: 5_000,
      ...more,
    },
    fixture.context,
  );

describe('check/sql', () => {
  it('compares the first column of the first row, as text', async () => {
    const done = await ask('select pg_is_in_recovery(), 7', 'f');
    expect(done).toMatchObject({ message: 'the database postgres answers "f"', facts: { value: 'f' } });
    await expect(ask('select 41 + 1', '43')).rejects.toThrow('answers "42", and "43" is expected');
  });

  it('takes one row of any number of them, and an SQL null for what it is', async () => {
    expect((await ask('select generate_series(1, 100000000)')).facts).toEqual({ value: '1' });
    expect((await ask('select null')).facts).toEqual({ value: null });
    await expect(ask('select null', 'null')).rejects.toThrow(/answers null, and "null" is expected/);
  });

  it('fails where there is no row', async () => {
    await expect(ask('select 1 where false')).rejects.toThrow(/has no row for "select 1 where false"/);
  });

  it.each([
    ['writes', 'create table x (y int)', /read-only transaction/],
    ['writes inside a query', 'with w as (delete from pg_depend returning 1) select * from w', /read-only transaction/],
    ['is more than one statement', 'select 1; commit; create table x (y int)', /multiple commands/],
    ['turns the transaction into one that writes', "select set_config('transaction_read_only', 'off', true)", /./],
    ['is no SQL', 'selekt 1', /syntax error/],
  ])('refuses what %s', async (_what, query, words) => {
    await expect(ask(query)).rejects.toThrow(words);
    expect((await ask("select count(*) from pg_class where relname = 'x'", '0')).facts).toEqual({ value: '0' });
  });

  it('ends a statement that takes too long', async () => {
    await expect(ask('select pg_sleep(60)', null, { statementMs: 100 })).rejects.toThrow(/took longer than it may/);
  });

  it('says so where there is no server, no database or no such user', async () => {
    const at = { by: 'socket' as const, directory: fixture.context.stateDir, port: 5432 };
    await expect(ask('select 1', null, { at })).rejects.toThrow(/no such socket/);
    await expect(ask('select 1', null, { database: 'none' })).rejects.toThrow(/"none" does not exist/);
    await expect(ask('select 1', null, { user: 'nobody' })).rejects.toThrow(/nobody/);
    await expect(ask('select 1', null, { at: { by: 'loopback', port: 1 } })).rejects.toThrow(/nobody listens/);
  });
});
