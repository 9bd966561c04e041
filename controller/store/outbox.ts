import type { Json } from '@tidemark/shared/base/canonical-json.ts';
import { and, asc, eq, inArray, isNull, lt, sql } from 'drizzle-orm';
import { outbox } from './schema.ts';
import type { Queries, Tx } from './store.ts';

/** What is to be sent. What has to be signed or loaded for it is made when it is sent. */
export type OutboxMessage =
  | { kind: 'order-offer'; payload: { plan: string; hostId: string } }
  | {
      kind: 'dispatch';
      payload: { orderDigest: string; frontier: number; direction: 'forward' | 'undo'; run: string };
    }
  | { kind: 'amendment'; payload: { digest: string } }
  | { kind: 'observe-facts'; payload: { request: string } }
  /** `envelope` is the signed profile, null where nobody signed it. */
  | { kind: 'observe-scan'; payload: { request: string; profile: Json; envelope: string | null } }
  | { kind: 'secret-key'; payload: { envelope: string } };

export type DueMessage = OutboxMessage & { id: number; hostId: string; createdAtMs: number };

/** Adds a message, as part of the transaction that makes it due. */
export async function add(tx: Tx, message: OutboxMessage & { hostId: string }): Promise<void> {
  await tx.insert(outbox).values({ hostId: message.hostId, kind: message.kind, payload: message.payload });
}

/** The same for many; at most as many as a statement takes parameters. */
export async function addAll(tx: Tx, messages: readonly (OutboxMessage & { hostId: string })[]): Promise<void> {
  if (messages.length === 0) return;
  await tx.insert(outbox).values(messages.map(({ hostId, kind, payload }) => ({ hostId, kind, payload })));
}

/** What waits to be sent to these hosts, oldest first; at most `limit` altogether. */
export async function due(db: Queries, hostIds: readonly string[], limit: number): Promise<DueMessage[]> {
  if (hostIds.length === 0) return [];
  const rows = await db
    .select()
    .from(outbox)
    .where(and(inArray(outbox.hostId, [...hostIds]), isNull(outbox.sentAt)))
    .orderBy(asc(outbox.id))
    .limit(limit);
  return rows.map(
    // The database keeps kind and payload as add() took them together.
    ({ id, hostId, kind, payload, createdAt }) =>
      ({ id, hostId, kind, payload, createdAtMs: createdAt.getTime() }) as DueMessage,
  );
}

/** Once the link has taken a message. One that is marked already stays as it is. */
export async function markSent(db: Queries, ids: readonly number[]): Promise<void> {
  if (ids.length === 0) return;
  await db
    .update(outbox)
    .set({ sentAt: sql`now()` })
    .where(and(inArray(outbox.id, [...ids]), isNull(outbox.sentAt)));
}

/** Takes back what has not been sent to a host: it was banned, say. Gives their number. */
export async function cancel(tx: Tx, hostId: string): Promise<number> {
  const gone = await tx
    .delete(outbox)
    .where(and(eq(outbox.hostId, hostId), isNull(outbox.sentAt)))
    .returning({ id: outbox.id });
  return gone.length;
}

/** Deletes what was sent before then. */
export async function forget(db: Queries, sentBeforeMs: number): Promise<void> {
  await db.delete(outbox).where(lt(outbox.sentAt, new Date(sentBeforeMs)));
}
