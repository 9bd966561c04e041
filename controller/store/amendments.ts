import { and, asc, eq } from 'drizzle-orm';
import type { RunTransaction } from '../orchestrator/ports.ts';
import { amendments } from './schema.ts';
import type { Queries, Tx } from './store.ts';

/** Decisions of people beyond orders, as they were signed, and what the hosts made of them. */
export const amendmentWrites = (
  tx: Tx,
): Pick<RunTransaction, 'addAmendment' | 'answerAmendment' | 'unansweredAmendments'> => ({
  async addAmendment({ at, ...amendment }) {
    const added = await tx
      .insert(amendments)
      .values({ ...amendment, createdAt: new Date(at) })
      .onConflictDoNothing()
      .returning({ digest: amendments.digest });
    return added.length > 0;
  },

  async answerAmendment(digest, { state, message, at }) {
    const [row] = await tx.select().from(amendments).where(eq(amendments.digest, digest)).for('update');
    if (!row) return 'unknown';
    if (row.state !== 'sent') return 'answered';
    await tx
      .update(amendments)
      .set({ state, message, answeredAt: new Date(at) })
      .where(eq(amendments.digest, digest));
    return { approver: row.approver, reason: row.reason };
  },

  async unansweredAmendments(run, hostId) {
    const rows = await tx
      .select({ digest: amendments.digest })
      .from(amendments)
      .where(and(eq(amendments.run, run), eq(amendments.hostId, hostId), eq(amendments.state, 'sent')))
      .orderBy(asc(amendments.createdAt));
    return rows.map(({ digest }) => digest);
  },
});

/** What is sent to the host; null where there is none, or where the host has answered it. */
export async function amendmentToSend(db: Queries, digest: string): Promise<Buffer | null> {
  const [row] = await db
    .select({ envelope: amendments.envelope })
    .from(amendments)
    .where(and(eq(amendments.digest, digest), eq(amendments.state, 'sent')));
  return row ? Buffer.from(row.envelope, 'utf8') : null;
}
