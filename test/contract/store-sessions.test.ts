import type { Queries, Store } from '@tidemark/controller/store/store.ts';
import { sql } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { testStores } from '../support/database.ts';

const freshStore = testStores();

async function storeWithTable(): Promise<Store> {
  const store = await freshStore();
  await store.sql`create table written (n int)`;
  return store;
}

const written = async (store: Store): Promise<number[]> =>
  (await store.sql`select n from written order by n`).map(row => Number(row['n']));

const write = (db: Queries, n: number) => db.execute(sql`insert into written values (${n})`);

const backendOf = async (db: Queries): Promise<number> =>
  Number((await db.execute(sql`select pg_backend_pid() as pid`))[0]?.['pid']);

/** Ends a session from outside, as an administrator or a failover does, and waits until it is gone. */
async function terminate(store: Store, pid: number): Promise<void> {
  await store.sql`select pg_terminate_backend(${pid})`;
  while ((await store.sql`select 1 from pg_stat_activity where pid = ${pid}`).length > 0);
}

describe('a transaction whose connection is lost', () => {
  it('writes nothing: neither what came before, nor what its work goes on to send', async () => {
    const store = await storeWithTable();
    const outcomes: string[] = [];
    const transaction = store.transaction(async tx => {
      await write(tx, 1);
      await terminate(store, await backendOf(tx));
      for (const n of [2, 3])
        await write(tx, n).then(
          () => outcomes.push('written'),
          () => outcomes.push('refused'),
        );
    });
    await expect(transaction).rejects.toThrow();
    expect(outcomes).toEqual(['refused', 'refused']);
    expect(await written(store)).toEqual([]);
  });

  it('rolls back no other transaction, and the store goes on', async () => {
    const store = await storeWithTable();
    const lost = Array.from({ length: 10 }, () =>
      store.transaction(async tx => {
        await write(tx, -1);
        await tx.execute(sql`select pg_terminate_backend(pg_backend_pid())`);
      }),
    );
    const others = Array.from({ length: 50 }, (_, n) =>
      store.transaction(async tx => {
        await write(tx, n);
        await tx.execute(sql`select pg_sleep(0.005)`);
      }),
    );
    expect((await Promise.allSettled(lost)).every(({ status }) => status === 'rejected')).toBe(true);
    await Promise.all(others);
    expect(await written(store)).toEqual(Array.from({ length: 50 }, (_, n) => n));
  });
});

describe('the store', () => {
  it('goes on after every one of its sessions was ended', async () => {
    const store = await storeWithTable();
    await Promise.all(Array.from({ length: 30 }, (_, n) => write(store.db, n)));
    for (let round = 0; round < 3; round++) {
      const ended = await Promise.allSettled(
        Array.from({ length: 25 }, () => store.sql`select pg_terminate_backend(pg_backend_pid())`),
      );
      expect(new Set(ended.map(({ status }) => status))).toEqual(new Set(['rejected']));
      expect(await written(store)).toHaveLength(30);
    }
  });

  it('opens no more sessions than it may, however many ask', async () => {
    const store = await storeWithTable();
    await Promise.all(Array.from({ length: 100 }, (_, n) => store.transaction(tx => write(tx, n))));
    const [sessions] =
      await store.sql`select count(*)::int as n from pg_stat_activity where datname = current_database()`;
    expect(sessions?.['n']).toBeLessThanOrEqual(10);
    expect(await written(store)).toHaveLength(100);
  });

  it('runs a statement that comes after the end of its transaction nowhere', async () => {
    const store = await storeWithTable();
    let late: Queries | null = null;
    await store.transaction(async tx => {
      late = tx;
    });
    await expect(write(late as unknown as Queries, 1)).rejects.toThrow();
    expect(await written(store)).toEqual([]);
  });

  it('refuses what comes after it was closed, and what waits then', async () => {
    const store = await storeWithTable();
    const closing = store.close();
    await expect(store.sql`select 1`).rejects.toThrow('being closed');
    await closing;
  });
});
