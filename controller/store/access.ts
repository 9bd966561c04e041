import { asc, eq, sql } from 'drizzle-orm';
import type { TokenRecord } from '../access/decide.ts';
import type { AccessStore } from '../access/ports.ts';
import { append } from './audit.ts';
import { apiTokens } from './schema.ts';
import type { Queries, Store } from './store.ts';

export function createAccessStore({ db, transaction }: Pick<Store, 'db' | 'transaction'>): AccessStore {
  return {
    token: async id => {
      const [row] = await db.select().from(apiTokens).where(eq(apiTokens.id, id));
      return row ? recordOf(row) : null;
    },
    tokens: () => all(db),
    transaction: work =>
      transaction(tx =>
        work({
          tokensLocked: async () => {
            // Rows that are not there yet cannot be locked: the table can, and readers go on reading it.
            await tx.execute(sql`lock table ${apiTokens} in share row exclusive mode`);
            return all(tx);
          },
          add: async ({ createdAtMs, expiresAtMs, revokedAtMs, ...token }) => {
            await tx.insert(apiTokens).values({
              ...token,
              createdAt: new Date(createdAtMs),
              expiresAt: dateOf(expiresAtMs),
              revokedAt: dateOf(revokedAtMs),
            });
          },
          revoke: async (id, atMs) => {
            await tx
              .update(apiTokens)
              .set({ revokedAt: new Date(atMs) })
              .where(eq(apiTokens.id, id));
          },
          audit: async entry => {
            await append(tx, entry);
          },
        }),
      ),
  };
}

const all = async (db: Queries): Promise<TokenRecord[]> =>
  (await db.select().from(apiTokens).orderBy(asc(apiTokens.createdAt), asc(apiTokens.id))).map(recordOf);

const recordOf = ({ createdAt, expiresAt, revokedAt, ...row }: typeof apiTokens.$inferSelect): TokenRecord => ({
  ...row,
  createdAtMs: createdAt.getTime(),
  expiresAtMs: expiresAt?.getTime() ?? null,
  revokedAtMs: revokedAt?.getTime() ?? null,
});

const dateOf = (ms: number | null): Date | null => (ms === null ? null : new Date(ms));
