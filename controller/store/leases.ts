import { and, eq, sql } from 'drizzle-orm';
import { leases } from './schema.ts';
import type { Queries, Tx } from './store.ts';

/*
 * Who may dispatch. Time is the database's, so that two controllers whose clocks differ agree on what has run out.
 * A taking always raises the epoch, also by the same holder: after it, whatever the holder before it still sends is
 * refused by the agents.
 */

export interface Lease {
  name: string;
  holder: string;
  epoch: number;
}

/** Above every epoch that was ever given: an agent compares them over all runs, and a new run must not begin at 1. */
const nextEpoch = sql`(select coalesce(max(l.epoch), 0) + 1 from leases l)`;

const inMs = (ttlMs: number) => sql`clock_timestamp() + ${ttlMs} * interval '1 millisecond'`;

/** Takes a lease that is free, has run out or is the holder's own. Null while somebody else has it. */
export async function take(
  db: Queries,
  { name, holder, ttlMs }: { name: string; holder: string; ttlMs: number },
): Promise<Lease | null> {
  const [taken] = await db
    .insert(leases)
    .values({ name, holder, epoch: nextEpoch, expiresAt: inMs(ttlMs) })
    .onConflictDoUpdate({
      target: leases.name,
      set: { holder, epoch: sql`greatest(${leases.epoch} + 1, ${nextEpoch})`, expiresAt: inMs(ttlMs) },
      setWhere: sql`${leases.holder} = ${holder} or ${leases.expiresAt} <= clock_timestamp()`,
    })
    .returning({ epoch: leases.epoch });
  return taken ? { name, holder, epoch: taken.epoch } : null;
}

/** Keeps a lease for `ttlMs` from now. False where it was taken over meanwhile: dispatch nothing more. */
export async function renew(db: Queries, lease: Lease, ttlMs: number): Promise<boolean> {
  const kept = await db
    .update(leases)
    .set({ expiresAt: inMs(ttlMs) })
    .where(isThis(lease))
    .returning({ epoch: leases.epoch });
  return kept.length > 0;
}

/** Gives a lease up, so that the next one need not wait for its end. One that was taken over is left alone. */
export async function release(db: Queries, lease: Lease): Promise<void> {
  await db.update(leases).set({ expiresAt: sql`clock_timestamp()` }).where(isThis(lease));
}

/**
 * Whether the lease is held, and it then stays so until the transaction ends: whoever wants to take it over waits.
 * What is decided under a lease is committed under this.
 */
export async function holds(tx: Tx, lease: Lease): Promise<boolean> {
  const rows = await tx
    .select({ live: sql<boolean>`${leases.expiresAt} > clock_timestamp()` })
    .from(leases)
    .where(isThis(lease))
    .for('share');
  return rows[0]?.live ?? false;
}

const isThis = ({ name, holder, epoch }: Lease) =>
  and(eq(leases.name, name), eq(leases.holder, holder), eq(leases.epoch, epoch));
