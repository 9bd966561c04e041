import { assert } from '@tidemark/shared/base/assert.ts';
import { eq, sql } from 'drizzle-orm';
import { hosts } from './schema.ts';
import type { Queries, Tx } from './store.ts';

/** The next number for a dispatch to this host: given once, unless the transaction is undone and the dispatch with it. */
export async function nextDispatchSequence(tx: Queries, hostId: string): Promise<number> {
  const [row] = await tx
    .update(hosts)
    .set({ dispatchSequence: sql`${hosts.dispatchSequence} + 1` })
    .where(eq(hosts.id, hostId))
    .returning({ sequence: hosts.dispatchSequence });
  assert(row, `host ${hostId} is not there`);
  return row.sequence;
}

/** Highest report sequence that is stored, locked until the transaction ends: reports of one host come one after the other. */
export async function acknowledgedLocked(tx: Tx, hostId: string): Promise<number> {
  const [row] = await tx
    .select({ acknowledged: hosts.acknowledged })
    .from(hosts)
    .where(eq(hosts.id, hostId))
    .for('update');
  assert(row, `host ${hostId} is not there`);
  return row.acknowledged;
}

/** Raises what is acknowledged; never lowers it. */
export async function acknowledge(tx: Tx, hostId: string, sequence: number): Promise<void> {
  await tx
    .update(hosts)
    .set({ acknowledged: sql`greatest(${hosts.acknowledged}, ${sequence}::bigint)` })
    .where(eq(hosts.id, hostId));
}
