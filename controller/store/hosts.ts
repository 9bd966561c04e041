import { assert } from '@tidemark/shared/base/assert.ts';
import { eq, sql } from 'drizzle-orm';
import { hosts } from './schema.ts';
import type { Queries } from './store.ts';

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
