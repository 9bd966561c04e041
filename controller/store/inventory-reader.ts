import { digestFromBytes } from '@tidemark/shared/base/digest.ts';
import { and, asc, eq, gt, inArray, isNull, or } from 'drizzle-orm';
import type { HostFacts } from '../inventory/facts.ts';
import type { InventoryReader } from '../inventory/ports.ts';
import { hostSections, inventories, sections } from './schema.ts';
import type { Queries, Store } from './store.ts';

/** Contents that are read at a time: packages are some 100 KB each. */
const CONTENTS_AT_ONCE = 200;
/** Documents that are read at a time, by host. */
const HOSTS_AT_ONCE = 500;

export function inventoryReader({ db }: Pick<Store, 'db'>): InventoryReader {
  return {
    all: kinds => readDocuments(db, null, kinds),
    of: async (hostId, kinds) => (await readDocuments(db, [hostId], kinds)).get(hostId) ?? null,

    looks: async hostIds => {
      const { hostId, root, observedAt } = inventories;
      const rows = await db
        .select({ hostId, root, observedAt })
        .from(inventories)
        .where(hostIds && inArray(hostId, [...hostIds]));
      return new Map(
        rows.map(row => [row.hostId, { root: digestFromBytes(row.root), observedAt: row.observedAt.getTime() }]),
      );
    },

    inventoryOf: async hostId => {
      const [row] = await db.select().from(inventories).where(eq(inventories.hostId, hostId));
      if (!row) return null;
      const { kind, digest } = hostSections;
      const refs = await db
        .select({ kind, digest })
        .from(hostSections)
        .where(and(eq(hostSections.hostId, hostId), isNull(hostSections.until)))
        .orderBy(asc(kind));
      return {
        root: digestFromBytes(row.root),
        observedAt: row.observedAt.getTime(),
        changedAt: row.changedAt.getTime(),
        refused: row.refused,
        sections: refs.map(ref => ({ kind: ref.kind, digest: digestFromBytes(ref.digest) })),
      };
    },

    async *contents(kinds, hostIds) {
      if (kinds.length === 0 || hostIds?.length === 0) return;
      const owners = await readOwners(db, kinds, hostIds);
      for (let at = 0; at < owners.length; at += CONTENTS_AT_ONCE) {
        const portion = owners.slice(at, at + CONTENTS_AT_ONCE);
        const contents = await readContents(
          db,
          portion.map(({ digest }) => digest),
        );
        yield portion.map(({ kind, digest, hostIds: ids }) => ({
          kind,
          digest: digestFromBytes(digest),
          content: contents.get(digest.toString('hex')),
          hostIds: ids,
        }));
      }
    },

    history: async (hostId, since) => {
      const rows = await db
        .select({
          kind: hostSections.kind,
          digest: hostSections.digest,
          content: sections.content,
          since: hostSections.since,
          until: hostSections.until,
        })
        .from(hostSections)
        .innerJoin(sections, eq(sections.digest, hostSections.digest))
        .where(
          and(eq(hostSections.hostId, hostId), or(isNull(hostSections.until), gt(hostSections.until, new Date(since)))),
        )
        .orderBy(asc(hostSections.since), asc(hostSections.id));
      return rows.map(row => ({
        ...row,
        digest: digestFromBytes(row.digest),
        since: row.since.getTime(),
        until: row.until?.getTime() ?? null,
      }));
    },
  };
}

/** Facts as documents, by host id: of all hosts where none are given. A content that several have is one object. */
export async function readDocuments(
  db: Queries,
  hostIds: readonly string[] | null,
  kinds?: readonly string[],
): Promise<Map<string, HostFacts>> {
  const found = new Map<string, HostFacts>();
  const known = new Map<string, unknown>();
  const all = hostIds ?? (await db.select({ id: inventories.hostId }).from(inventories)).map(({ id }) => id);
  for (let at = 0; at < all.length; at += HOSTS_AT_ONCE) {
    const portion = all.slice(at, at + HOSTS_AT_ONCE);
    const looks = await db
      .select({ hostId: inventories.hostId, at: inventories.observedAt })
      .from(inventories)
      .where(inArray(inventories.hostId, portion));
    for (const look of looks) found.set(look.hostId, { facts: {}, observedAt: look.at.getTime() });
    const refs = await db
      .select({ hostId: hostSections.hostId, kind: hostSections.kind, digest: hostSections.digest })
      .from(hostSections)
      .where(
        and(
          inArray(hostSections.hostId, portion),
          isNull(hostSections.until),
          kinds && inArray(hostSections.kind, [...kinds]),
        ),
      )
      .orderBy(asc(hostSections.kind));
    const unread = new Map(refs.map(({ digest }) => [digest.toString('hex'), digest]));
    for (const key of known.keys()) unread.delete(key);
    for (const [key, content] of await readContents(db, [...unread.values()])) known.set(key, content);
    for (const { hostId, kind, digest } of refs) {
      const facts = found.get(hostId)?.facts;
      if (facts) define(facts, kind, known.get(digest.toString('hex')));
    }
  }
  return found;
}

/** A name that a host gave is never anything but a member. */
const define = (facts: Record<string, unknown>, kind: string, value: unknown): void => {
  Object.defineProperty(facts, kind, { value, writable: true, enumerable: true, configurable: true });
};

async function readContents(db: Queries, digests: readonly Buffer[]): Promise<Map<string, unknown>> {
  const found = new Map<string, unknown>();
  for (let at = 0; at < digests.length; at += CONTENTS_AT_ONCE) {
    const rows = await db
      .select({ digest: sections.digest, content: sections.content })
      .from(sections)
      .where(inArray(sections.digest, digests.slice(at, at + CONTENTS_AT_ONCE)));
    for (const { digest, content } of rows) found.set(digest.toString('hex'), content);
  }
  return found;
}

interface Owners {
  kind: string;
  digest: Buffer;
  hostIds: string[];
}

async function readOwners(db: Queries, kinds: readonly string[], hostIds?: readonly string[]): Promise<Owners[]> {
  const { hostId, kind, digest } = hostSections;
  const rows = await db
    .select({ hostId, kind, digest })
    .from(hostSections)
    .where(and(inArray(kind, [...kinds]), isNull(hostSections.until)));
  const wanted = hostIds && new Set(hostIds);
  const byContent = Map.groupBy(
    rows.filter(row => !wanted || wanted.has(row.hostId)),
    row => `${row.kind} ${row.digest.toString('hex')}`,
  );
  return [...byContent.values()].flatMap(group => {
    const [first] = group;
    return first ? [{ kind: first.kind, digest: first.digest, hostIds: group.map(row => row.hostId) }] : [];
  });
}
