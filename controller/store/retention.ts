import { and, eq, inArray, notExists, sql } from 'drizzle-orm';
import type { RetentionStore } from '../verification/ports.ts';
import { baselines, fingerprints } from './schema.ts';
import type { Store } from './store.ts';

/** Fingerprints deleted with one statement. */
const BATCH = 1_000;

/** Fingerprints by their age; their nodes are the garbage collection's (node-garbage.ts). */
export function createRetentionStore({ db }: Pick<Store, 'db'>): RetentionStore {
  return {
    all: async () => {
      const rows = await db
        .select({
          id: fingerprints.id,
          hostId: fingerprints.hostId,
          profileDigest: fingerprints.profileDigest,
          finishedAt: fingerprints.finishedAt,
          baseline: baselines.name,
          isAudit: sql<boolean>`${fingerprints.profile} ? 'nonce'`,
        })
        .from(fingerprints)
        .leftJoin(baselines, eq(baselines.fingerprint, fingerprints.id));
      return rows.map(({ finishedAt, baseline, ...row }) => ({
        ...row,
        finishedMs: finishedAt.getTime(),
        isBaseline: baseline !== null,
      }));
    },

    forget: async ids => {
      let forgotten = 0;
      for (let at = 0; at < ids.length; at += BATCH) {
        const isBaseline = db.select().from(baselines).where(eq(baselines.fingerprint, fingerprints.id));
        const deleted = await db
          .delete(fingerprints)
          .where(and(inArray(fingerprints.id, ids.slice(at, at + BATCH)), notExists(isBaseline)))
          .returning({ id: fingerprints.id });
        forgotten += deleted.length;
      }
      return forgotten;
    },
  };
}
