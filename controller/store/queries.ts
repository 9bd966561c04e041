import { SECTION_KINDS } from '@tidemark/shared/inventory/kinds.ts';
import { and, asc, desc, eq, inArray, isNull, notInArray, or, sql } from 'drizzle-orm';
import { SITE } from '../queries/evaluate.ts';
import type { ContentStore, QueryStore } from '../queries/ports.ts';
import { append } from './audit.ts';
import { packageSetStore } from './package-sets.ts';
import {
  groupChanges,
  groupMembers,
  groups,
  hostSections,
  inventories,
  landscapes,
  savedQueries,
  sections,
} from './schema.ts';
import type { Store, Tx } from './store.ts';

const ROWS_AT_ONCE = 5_000;

/** What queries read of the inventory. */
export function contentStore(store: Pick<Store, 'db' | 'transaction'>): ContentStore {
  const { db } = store;
  return {
    ...packageSetStore(store),

    contents: async digests => {
      const found = new Map<string, unknown>();
      for (let at = 0; at < digests.length; at += ROWS_AT_ONCE) {
        const wanted = digests.slice(at, at + ROWS_AT_ONCE).map(digest => Buffer.from(digest, 'hex'));
        const rows = await db
          .select({ digest: sections.digest, content: sections.content })
          .from(sections)
          .where(inArray(sections.digest, wanted));
        for (const { digest, content } of rows) found.set(digest.toString('hex'), content);
      }
      return found;
    },

    sections: async (hostIds, kinds, site) => {
      const found = new Map<string, Map<string, string>>();
      const isWanted = or(
        kinds.length > 0 ? inArray(hostSections.kind, [...kinds]) : undefined,
        site ? notInArray(hostSections.kind, SECTION_KINDS) : undefined,
      );
      for (let at = 0; at < hostIds.length; at += ROWS_AT_ONCE) {
        const rows = await db
          .select({ hostId: hostSections.hostId, kind: hostSections.kind, digest: hostSections.digest })
          .from(hostSections)
          .where(
            and(
              inArray(hostSections.hostId, hostIds.slice(at, at + ROWS_AT_ONCE)),
              isNull(hostSections.until),
              isWanted,
            ),
          );
        for (const { hostId, kind, digest } of rows) {
          const own = found.get(hostId) ?? new Map<string, string>();
          found.set(hostId, own.set(kinds.includes(kind) ? kind : `${SITE}${kind}`, digest.toString('hex')));
        }
      }
      return found;
    },
  };
}

/** The version of the landscape that is in force; 0 before the first. */
export async function landscapeVersion({ db }: Pick<Store, 'db'>): Promise<number> {
  const [row] = await db
    .select({ version: sql<number>`coalesce(max(${landscapes.version}), 0)::int` })
    .from(landscapes);
  return row?.version ?? 0;
}

/** When the inventory of each host was looked at last, by host id; milliseconds since the epoch. */
export async function lastLooks({ db }: Pick<Store, 'db'>): Promise<Map<string, number>> {
  const rows = await db.select({ hostId: inventories.hostId, at: inventories.observedAt }).from(inventories);
  return new Map(rows.map(({ hostId, at }) => [hostId, at.getTime()]));
}

/** Saved queries, groups, and who was in them when. */
export function queryStore({ db, transaction }: Pick<Store, 'db' | 'transaction'>): QueryStore {
  return {
    saved: async () =>
      (await db.select().from(savedQueries).orderBy(asc(savedQueries.name))).map(row => ({
        ...row,
        savedAt: row.savedAt.getTime(),
      })),

    save: query =>
      transaction(async tx => {
        const row = { ...query, savedAt: new Date(query.savedAt) };
        await tx.insert(savedQueries).values(row).onConflictDoUpdate({ target: savedQueries.name, set: row });
        await append(tx, {
          actor: query.savedBy,
          action: 'query.saved',
          subject: `query ${query.name}`,
          detail: { text: query.text },
        });
      }),

    forget: (name, by) =>
      transaction(async tx => {
        const gone = await tx
          .delete(savedQueries)
          .where(eq(savedQueries.name, name))
          .returning({ name: savedQueries.name });
        if (gone.length > 0) await append(tx, { actor: by, action: 'query.removed', subject: `query ${name}` });
        return gone.length > 0;
      }),

    groups: async () =>
      (await db.select().from(groups).orderBy(asc(groups.name))).map(row => ({ ...row, madeAt: row.madeAt.getTime() })),

    keepGroup: group =>
      transaction(async tx => {
        const row = { ...group, madeAt: new Date(group.madeAt) };
        await tx.insert(groups).values(row).onConflictDoUpdate({ target: groups.name, set: row });
        const { select, importance, owner } = group;
        await append(tx, {
          actor: group.madeBy,
          action: 'group.kept',
          subject: `group ${group.name}`,
          detail: { select, importance, owner },
        });
      }),

    removeGroup: (name, by) =>
      transaction(async tx => {
        const gone = await tx.delete(groups).where(eq(groups.name, name)).returning({ name: groups.name });
        if (gone.length > 0) await append(tx, { actor: by, action: 'group.removed', subject: `group ${name}` });
        return gone.length > 0;
      }),

    memberships: async () =>
      (await db.select().from(groupMembers)).map(({ group, host, isKnown }) => ({
        group,
        host,
        answer: isKnown ? true : null,
      })),

    record: changes => transaction(tx => record(tx, changes)),

    changes: async ({ group, host, limit }) => {
      const rows = await db
        .select()
        .from(groupChanges)
        .where(and(eq(groupChanges.group, group), host === null ? undefined : eq(groupChanges.host, host)))
        .orderBy(desc(groupChanges.id))
        .limit(limit);
      return rows.map(({ id: _, at, ...row }) => ({ ...row, at: at.getTime() }));
    },
  };
}

async function record(tx: Tx, judged: Parameters<QueryStore['record']>[0]): Promise<void> {
  // Two controllers that judge at once write one after the other.
  await tx.execute(sql`lock table ${groupMembers} in share row exclusive mode`);
  const rows = await tx.select().from(groupMembers);
  const now = new Map(rows.map(({ group, host, isKnown }) => [`${group} ${host}`, isKnown ? true : null]));
  const changes = judged.filter(({ group, host, is }) => {
    const known = now.get(`${group} ${host}`);
    return (known === undefined ? false : known) !== is;
  });
  for (let from = 0; from < changes.length; from += ROWS_AT_ONCE) {
    const portion = changes.slice(from, from + ROWS_AT_ONCE);
    await tx.insert(groupChanges).values(portion.map(change => ({ ...change, at: new Date(change.at) })));
    const members = portion
      .filter(({ is }) => is !== false)
      .map(({ group, host, is, at }) => ({ group, host, isKnown: is === true, since: new Date(at) }));
    if (members.length > 0)
      await tx
        .insert(groupMembers)
        .values(members)
        .onConflictDoUpdate({
          target: [groupMembers.group, groupMembers.host],
          set: { isKnown: sql`excluded.is_known`, since: sql`excluded.since` },
        });
    for (const { group, host } of portion.filter(({ is }) => is === false))
      await tx.delete(groupMembers).where(and(eq(groupMembers.group, group), eq(groupMembers.host, host)));
  }
}
