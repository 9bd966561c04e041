import { and, desc, eq, isNull, max, TransactionRollbackError } from 'drizzle-orm';
import type { SecretKeyStore } from '../verification/ports.ts';
import * as audit from './audit.ts';
import * as outbox from './outbox.ts';
import { hosts, outbox as outboxTable, secretKeys } from './schema.ts';
import type { Queries, Store } from './store.ts';

/** Keys for secrets, each sealed to one host. Older ones are kept: who could once guess what stays known. */
export function createSecretKeyStore({ db, transaction }: Pick<Store, 'db' | 'transaction'>): SecretKeyStore {
  return {
    newest: async () => {
      const rows = await db
        .selectDistinctOn([secretKeys.hostId], { key: secretKeys, host: hosts.name })
        .from(secretKeys)
        .innerJoin(hosts, eq(hosts.id, secretKeys.hostId))
        .orderBy(secretKeys.hostId, desc(secretKeys.createdAt), desc(secretKeys.generation));
      return rows.map(({ key, host }) => ({ ...key, host, createdAt: key.createdAt.getTime() }));
    },

    newestOf: async hostId => (await newestOf(db, hostId)) ?? null,

    generation: async name => {
      const [row] = await db
        .select({ generation: max(secretKeys.generation) })
        .from(secretKeys)
        .where(eq(secretKeys.name, name));
      return row?.generation ?? 0;
    },

    addKeys: (keys, by) =>
      transaction(async tx => {
        const values = keys.map(key => ({ ...key, createdBy: by }));
        const added = await tx.insert(secretKeys).values(values).onConflictDoNothing().returning();
        if (added.length !== keys.length) {
          // None of them: a generation that only some hosts have cannot be compared.
          tx.rollback();
        }
        await outbox.addAll(
          tx,
          keys.map(({ hostId, envelope }) => ({ hostId, kind: 'secret-key' as const, payload: { envelope } })),
        );
        const [first] = keys;
        if (first) {
          const { name, generation, keyId } = first;
          const detail = { generation, keyId, hosts: keys.length };
          await audit.append(tx, { actor: by, action: 'secret-key.created', subject: `secret key ${name}`, detail });
        }
        return true;
      }).catch(error => {
        if (error instanceof TransactionRollbackError) return false;
        throw error;
      }),

    sendAgain: hostId =>
      transaction(async tx => {
        const newest = await newestOf(tx, hostId);
        if (!newest) return;
        const isWaiting = and(
          eq(outboxTable.hostId, hostId),
          eq(outboxTable.kind, 'secret-key'),
          isNull(outboxTable.sentAt),
        );
        const [waiting] = await tx.select({ id: outboxTable.id }).from(outboxTable).where(isWaiting).limit(1);
        const payload = { envelope: newest.envelope };
        if (!waiting) await outbox.add(tx, { hostId, kind: 'secret-key', payload });
      }),
  };
}

async function newestOf(db: Queries, hostId: string): Promise<typeof secretKeys.$inferSelect | undefined> {
  const [newest] = await db
    .select()
    .from(secretKeys)
    .where(eq(secretKeys.hostId, hostId))
    .orderBy(desc(secretKeys.createdAt), desc(secretKeys.generation))
    .limit(1);
  return newest;
}
