import { and, eq, inArray, ne, sql } from 'drizzle-orm';
import type { LimitClaims } from '../orchestrator/ports.ts';
import { limitClaims } from './schema.ts';
import type { Tx } from './store.ts';

/** Any number that no other program takes for an advisory lock in this database: "tmlc" in ASCII. */
const CLAIMS_LOCK = 0x746d6c63;

/** Who is out of service by limits that hold over all runs. Time is the database's: controllers' clocks differ. */
export const limitClaimsOf = (tx: Tx): LimitClaims => ({
  async elsewhere(run, keys) {
    // One run at a time looks and takes: two that look at once would both find the last place free.
    await tx.execute(sql`select pg_advisory_xact_lock(${CLAIMS_LOCK})`);
    if (keys.length === 0) return [];
    return tx
      .select({ key: limitClaims.key, hostId: limitClaims.hostId, host: limitClaims.hostName, run: limitClaims.run })
      .from(limitClaims)
      .where(
        and(
          inArray(limitClaims.key, [...keys]),
          ne(limitClaims.run, run),
          sql`${limitClaims.expiresAt} > clock_timestamp()`,
        ),
      );
  },

  async hold(run, epoch, wanted, ttlMs) {
    const rows = await tx.select().from(limitClaims).where(eq(limitClaims.run, run));
    const name = ({ key, hostId }: { key: string; hostId: string }) => `${key}\0${hostId}`;
    const want = new Set(wanted.map(name));
    for (const row of rows) {
      if (want.has(name(row))) continue;
      await tx.delete(limitClaims).where(and(eq(limitClaims.key, row.key), eq(limitClaims.hostId, row.hostId)));
    }
    const expiresAt = sql`clock_timestamp() + ${ttlMs} * interval '1 millisecond'`;
    const held = new Map(rows.map(row => [name(row), row]));
    // Renewed when half of its time is over, and taken over with the lease of the run.
    const soon = Date.now() + ttlMs / 2;
    for (const claim of wanted) {
      const mine = held.get(name(claim));
      if (mine && mine.epoch === epoch && mine.expiresAt.getTime() > soon) continue;
      await tx
        .insert(limitClaims)
        .values({ ...claim, run, epoch, expiresAt })
        .onConflictDoUpdate({
          target: [limitClaims.key, limitClaims.hostId],
          set: { run, epoch, expiresAt, hostName: claim.hostName },
        });
    }
  },
});
