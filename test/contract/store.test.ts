import { hosts } from '@tidemark/controller/store/schema.ts';
import { sql } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { testStores } from '../support/database.ts';

const freshStore = testStores();

describe('a store', () => {
  it('is empty at first, and each one is its own', async () => {
    const [one, two] = [await freshStore(), await freshStore()];
    await one.db.insert(hosts).values({ id: '00000000-0000-4000-8000-000000000001', name: 'web01' });
    expect(await one.db.select().from(hosts)).toHaveLength(1);
    expect(await two.db.select().from(hosts)).toHaveLength(0);
  });

  it('undoes a transaction whose work fails', async () => {
    const store = await freshStore();
    const failing = store.transaction(async tx => {
      await tx.insert(hosts).values({ id: '00000000-0000-4000-8000-000000000001', name: 'web01' });
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await store.db.execute(sql`select count(*)::int as n from hosts`)).toMatchObject([{ n: 0 }]);
  });
});
