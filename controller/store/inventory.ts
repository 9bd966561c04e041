import { digestFromBytes, digestToBytes } from '@tidemark/shared/base/digest.ts';
import type { Section } from '@tidemark/shared/inventory/section.ts';
import { and, eq, inArray, isNull, sql } from 'drizzle-orm';
import type { InventoryStore, NewInventory } from '../inventory/ports.ts';
import { inventoryReader } from './inventory-reader.ts';
import { hostSections, hosts, inventories, sections } from './schema.ts';
import type { Store, Tx } from './store.ts';

/** Keeps what agents told of their hosts, and what they told before. */
export function inventoryStore({ db, transaction }: Pick<Store, 'db' | 'transaction'>): InventoryStore {
  return {
    ...inventoryReader({ db }),

    missing: async digests => {
      if (digests.length === 0) return [];
      const known = await db
        .select({ digest: sections.digest })
        .from(sections)
        .where(inArray(sections.digest, digests.map(digestToBytes)));
      const there = new Set(known.map(({ digest }) => digestFromBytes(digest)));
      return digests.filter(digest => !there.has(digest));
    },

    keep: async contents => {
      if (contents.length === 0) return;
      await db.insert(sections).values(contents.map(rowOf)).onConflictDoNothing();
    },

    put: (hostId, inventory) =>
      transaction(tx => putInventory(tx, hostId, inventory)).catch((error: unknown) => {
        if (isForeignKeyViolation(error)) return 'gone' as const;
        throw error;
      }),

    seen: async (hostId, root, observedAt) => {
      const changed = await db
        .update(inventories)
        .set({ observedAt: new Date(observedAt) })
        .where(and(eq(inventories.hostId, hostId), eq(inventories.root, digestToBytes(root))))
        .returning({ hostId: inventories.hostId });
      return changed.length > 0;
    },

    forget: async until => {
      const old = await db.execute<{ n: number }>(sql`
        with gone as (delete from host_sections where until < ${new Date(until).toISOString()}::timestamptz returning 1)
        select count(*)::int as n from gone`);
      // What was told a moment ago and is not anybody's yet is asked for again.
      const unused = await db.execute<{ n: number }>(sql`
        with gone as (
          delete from sections s where not exists (select from host_sections h where h.digest = s.digest) returning 1
        ) select count(*)::int as n from gone`);
      return { periods: old[0]?.n ?? 0, contents: unused[0]?.n ?? 0 };
    },
  };
}

async function putInventory(
  tx: Tx,
  hostId: string,
  { root, sections: told, observedAt, refused }: NewInventory,
): Promise<'kept' | 'host-unknown'> {
  // One after the other for one host, whoever tells.
  const [host] = await tx.select({ id: hosts.id }).from(hosts).where(eq(hosts.id, hostId)).for('update');
  if (!host) return 'host-unknown';
  const current = await tx
    .select({ id: hostSections.id, kind: hostSections.kind, digest: hostSections.digest })
    .from(hostSections)
    .where(and(eq(hostSections.hostId, hostId), isNull(hostSections.until)));
  const now = new Map(told.map(({ kind, digest }) => [kind, digest]));
  const before = new Map(current.map(({ kind, digest }) => [kind, digestFromBytes(digest)]));
  const over = current.filter(({ kind }) => now.get(kind) !== before.get(kind));
  const fresh = told.filter(({ kind, digest }) => before.get(kind) !== digest);
  const at = new Date(observedAt);
  if (over.length > 0)
    await tx
      .update(hostSections)
      // A clock that was put back makes no period that ends before it begins.
      .set({ until: sql`greatest(${hostSections.since}, ${at.toISOString()}::timestamptz)` })
      .where(
        inArray(
          hostSections.id,
          over.map(({ id }) => id),
        ),
      );
  if (fresh.length > 0)
    await tx
      .insert(hostSections)
      .values(fresh.map(({ kind, digest }) => ({ hostId, kind, digest: digestToBytes(digest), since: at })));
  const state = { root: digestToBytes(root), observedAt: at, refused: [...refused] };
  const changed = over.length + fresh.length > 0;
  await tx
    .insert(inventories)
    .values({ hostId, ...state, changedAt: at })
    .onConflictDoUpdate({ target: inventories.hostId, set: { ...state, ...(changed && { changedAt: at }) } });
  return 'kept';
}

const rowOf = ({ kind, digest, text }: Section) => ({
  kind,
  digest: digestToBytes(digest),
  content: sql`${text}::text::jsonb`,
});

/** PostgreSQL's code, wherever the driver's error lies. */
function isForeignKeyViolation(error: unknown): boolean {
  for (let each: unknown = error; typeof each === 'object' && each !== null; each = (each as { cause?: unknown }).cause)
    if ((each as { code?: unknown }).code === '23503') return true;
  return false;
}
