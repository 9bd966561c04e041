import { and, eq, inArray, notExists, sql } from 'drizzle-orm';
import type { RetentionStore } from '../verification/ports.ts';
import { baselines, fingerprints, scanProfiles } from './schema.ts';
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
          isAudit: sql<boolean>`${scanProfiles.profile} ? 'nonce'`,
        })
        .from(fingerprints)
        .innerJoin(scanProfiles, eq(scanProfiles.digest, fingerprints.profileDigest))
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
      // Each audit has a profile of its own. One that an upload takes up in this moment is asked for again by the next attempt.
      await db.execute(sql`
        delete from scan_profiles where created_at < now() - interval '1 day'
          and not exists (select from fingerprints where profile_digest = digest)
          and not exists (select from signed_profiles where signed_profiles.digest = scan_profiles.digest)`);
      return forgotten;
    },
  };
}
