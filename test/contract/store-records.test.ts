import { randomUUID } from 'node:crypto';
import * as audit from '@tidemark/controller/store/audit.ts';
import { nextDispatchSequence } from '@tidemark/controller/store/hosts.ts';
import * as leases from '@tidemark/controller/store/leases.ts';
import * as outbox from '@tidemark/controller/store/outbox.ts';
import { hosts } from '@tidemark/controller/store/schema.ts';
import type { Store } from '@tidemark/controller/store/store.ts';
import { sql } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { testStores } from '../support/database.ts';

const freshStore = testStores();
const MINUTE = 60_000;

async function storeWithHost(): Promise<{ store: Store; hostId: string }> {
  const store = await freshStore();
  const hostId = randomUUID();
  await store.db.insert(hosts).values({ id: hostId, name: 'web01' });
  return { store, hostId };
}

describe('the audit log', () => {
  it('chains entries that many transactions append at once', async () => {
    const store = await freshStore();
    await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        store.transaction(tx =>
          audit.append(tx, { actor: 'ada', action: 'test', subject: `thing ${index}`, detail: { index } }),
        ),
      ),
    );
    expect(await audit.verify(store.db)).toMatchObject({ intact: true, head: { entries: 30 } });
    const page = await audit.list(store.db, { after: 10, limit: 5 });
    expect(page.map(entry => entry.id)).toEqual([11, 12, 13, 14, 15]);
  });

  it('has no entry, and no gap, of a transaction that was undone', async () => {
    const store = await freshStore();
    const entry = { actor: 'ada', action: 'test', subject: 'thing' };
    await store.transaction(tx => audit.append(tx, entry));
    const undone = store.transaction(async tx => {
      await audit.append(tx, entry);
      throw new Error('no');
    });
    await expect(undone).rejects.toThrow('no');
    await store.transaction(tx => audit.append(tx, entry));
    expect(await audit.verify(store.db)).toMatchObject({ intact: true, head: { entries: 2 } });
  });

  it.each(['update audit set actor = $$eve$$', 'delete from audit', 'truncate audit'])(
    'refuses "%s"',
    async statement => {
      const store = await freshStore();
      await store.transaction(tx => audit.append(tx, { actor: 'ada', action: 'test', subject: 'thing' }));
      await expect(store.sql.unsafe(statement)).rejects.toThrow('append-only');
    },
  );

  it('shows what somebody changed who took that guard away', async () => {
    const store = await freshStore();
    for (let n = 0; n < 3; n++)
      await store.transaction(tx => audit.append(tx, { actor: 'ada', action: 'test', subject: 'thing' }));
    await store.sql.unsafe(`alter table audit disable trigger all; update audit set actor = 'eve' where id = 2`);
    expect(await audit.verify(store.db)).toMatchObject({ intact: false, problem: { id: 2 } });
  });
});

describe('the outbox', () => {
  it('gives what is due for the hosts that are asked for, oldest first, until it is marked as sent', async () => {
    const { store, hostId } = await storeWithHost();
    const other = randomUUID();
    await store.transaction(async tx => {
      await outbox.add(tx, { hostId, kind: 'order-offer', payload: { plan: 'sha256:p', hostId } });
      await outbox.add(tx, { hostId: other, kind: 'observe-facts', payload: { request: 'q' } });
      await outbox.add(tx, {
        hostId,
        kind: 'dispatch',
        payload: { orderDigest: 'sha256:o', frontier: 3, direction: 'forward', run: 'r1' },
      });
    });
    const due = await outbox.due(store.db, [hostId], 10);
    expect(due.map(({ kind }) => kind)).toEqual(['order-offer', 'dispatch']);
    expect(due[1]?.payload).toEqual({ orderDigest: 'sha256:o', frontier: 3, direction: 'forward', run: 'r1' });
    await outbox.markSent(
      store.db,
      due.map(({ id }) => id),
    );
    expect(await outbox.due(store.db, [hostId], 10)).toEqual([]);
    expect(await outbox.due(store.db, [hostId, other], 10)).toHaveLength(1);
    expect(await outbox.due(store.db, [], 10)).toEqual([]);
  });

  it('holds nothing of a transaction that was undone', async () => {
    const { store, hostId } = await storeWithHost();
    const undone = store.transaction(async tx => {
      await outbox.add(tx, { hostId, kind: 'observe-facts', payload: { request: 'q' } });
      throw new Error('no');
    });
    await expect(undone).rejects.toThrow('no');
    expect(await outbox.due(store.db, [hostId], 10)).toEqual([]);
  });

  it('takes back what was not sent, and forgets what was', async () => {
    const { store, hostId } = await storeWithHost();
    for (const request of ['a', 'b'])
      await store.transaction(tx => outbox.add(tx, { hostId, kind: 'observe-facts', payload: { request } }));
    const [first] = await outbox.due(store.db, [hostId], 1);
    await outbox.markSent(store.db, [first?.id ?? 0]);
    expect(await store.transaction(tx => outbox.cancel(tx, hostId))).toBe(1);
    await outbox.forget(store.db, Date.now() + MINUTE);
    expect(await store.db.execute(sql`select * from outbox`)).toHaveLength(0);
  });
});

describe('a lease', () => {
  it('goes to one of many that take it at once', async () => {
    const store = await freshStore();
    const taken = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        leases.take(store.db, { name: 'orchestrator', holder: `c${index}`, ttlMs: MINUTE }),
      ),
    );
    expect(taken.filter(lease => lease !== null)).toHaveLength(1);
  });

  it('passes on with a higher epoch when it has run out or was given up, and its first holder then keeps nothing', async () => {
    const store = await freshStore();
    const first = await leases.take(store.db, { name: 'l', holder: 'a', ttlMs: MINUTE });
    expect(first).toEqual({ name: 'l', holder: 'a', epoch: 1 });
    if (!first) return;
    expect(await leases.take(store.db, { name: 'l', holder: 'b', ttlMs: MINUTE })).toBeNull();
    expect(await leases.renew(store.db, first, -1)).toBe(true);
    expect(await store.transaction(tx => leases.holds(tx, first))).toBe(false);
    const second = await leases.take(store.db, { name: 'l', holder: 'b', ttlMs: MINUTE });
    expect(second?.epoch).toBe(2);
    expect(await leases.renew(store.db, first, MINUTE)).toBe(false);
    await leases.release(store.db, first);
    expect(second && (await store.transaction(tx => leases.holds(tx, second)))).toBe(true);
    if (second) await leases.release(store.db, second);
    expect((await leases.take(store.db, { name: 'l', holder: 'c', ttlMs: MINUTE }))?.epoch).toBe(3);
  });

  it('gets a higher epoch also when its own holder takes it again', async () => {
    const store = await freshStore();
    await leases.take(store.db, { name: 'l', holder: 'a', ttlMs: MINUTE });
    expect((await leases.take(store.db, { name: 'l', holder: 'a', ttlMs: MINUTE }))?.epoch).toBe(2);
  });

  it('cannot be taken over while a transaction commits under it', async () => {
    const store = await freshStore();
    const lease = await leases.take(store.db, { name: 'l', holder: 'a', ttlMs: MINUTE });
    if (!lease) throw new Error('a free lease was not given');
    const order: string[] = [];
    let taking: Promise<unknown> = Promise.resolve();
    await store.transaction(async tx => {
      expect(await leases.holds(tx, lease)).toBe(true);
      taking = leases.take(store.db, { name: 'l', holder: 'a', ttlMs: MINUTE }).then(() => order.push('taken'));
      // Until the database says that somebody waits for this transaction, nothing is proved.
      while ((await tx.execute(sql`select 1 from pg_locks where not granted`)).length === 0);
      order.push('commits');
    });
    await taking;
    expect(order).toEqual(['commits', 'taken']);
  });
});

describe('a host', () => {
  it('never gets one dispatch sequence twice', async () => {
    const { store, hostId } = await storeWithHost();
    const sequences = await Promise.all(
      Array.from({ length: 20 }, () => store.transaction(tx => nextDispatchSequence(tx, hostId))),
    );
    expect(new Set(sequences)).toEqual(new Set(Array.from({ length: 20 }, (_, index) => index + 1)));
  });
});
