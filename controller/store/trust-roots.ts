import { asc, sql } from 'drizzle-orm';
import type { TrustStore } from '../access/trust.ts';
import { append } from './audit.ts';
import { trustRoots } from './schema.ts';
import type { Queries, Store } from './store.ts';

export function createTrustStore({ db, transaction }: Pick<Store, 'db' | 'transaction'>): TrustStore {
  return {
    all: () => all(db),
    transaction: work =>
      transaction(tx =>
        work({
          allLocked: async () => {
            // Rows that are not there yet cannot be locked: the table can, and readers go on reading it.
            await tx.execute(sql`lock table ${trustRoots} in share row exclusive mode`);
            return all(tx);
          },
          add: async (root, atMs) => {
            await tx.insert(trustRoots).values({ ...root, createdAt: new Date(atMs) });
          },
          audit: async entry => {
            await append(tx, entry);
          },
        }),
      ),
  };
}

const all = (db: Queries) =>
  db
    .select({ version: trustRoots.version, envelope: trustRoots.envelope })
    .from(trustRoots)
    .orderBy(asc(trustRoots.version));
