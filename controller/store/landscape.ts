import { and, desc, eq, sql } from 'drizzle-orm';
import type { Conflict } from '../landscape/conflicts.ts';
import type { Landscape, LandscapeContent } from '../landscape/landscape.ts';
import type { ImportRecord, LandscapeStore } from '../landscape/ports.ts';
import type { LandscapeRecords } from '../landscape/records.ts';
import { append } from './audit.ts';
import { landscapeContributions, landscapeImports, landscapes } from './schema.ts';
import type { Queries, Store } from './store.ts';

/** Of one source: enough to see since when it fails. */
const KEPT_IMPORTS = 500;

/** Keeps every version of the landscape: plans name the one that they were compiled from. */
export function landscapeStore(store: Store): LandscapeStore {
  // Versions never change, and the newest is asked for at every turn: of 10,000 hosts it is many megabytes.
  let newest: Landscape | null = null;
  const current = async (): Promise<Landscape | null> => {
    const [head] = await store.db
      .select({ version: landscapes.version, digest: landscapes.digest })
      .from(landscapes)
      .orderBy(desc(landscapes.version))
      .limit(1);
    if (!head) return null;
    if (newest?.version !== head.version || newest.digest !== head.digest)
      newest = await versionOf(store.db, head.version);
    return newest;
  };
  return {
    current,
    version: version => versionOf(store.db, version),
    versions: async limit => {
      const { version, digest, importedBy, createdAt, counts } = landscapes;
      const rows = await store.db
        .select({ version, digest, importedBy, createdAt, counts })
        .from(landscapes)
        .orderBy(desc(version))
        .limit(limit);
      return rows.map(({ createdAt, counts, ...row }) => ({
        ...row,
        importedAt: createdAt.getTime(),
        ...((counts ?? { hosts: 0, components: 0, clusters: 0 }) as Counts),
      }));
    },
    imports: async ({ source, limit }) => {
      const where = source === null ? undefined : eq(landscapeImports.source, source);
      const rows = await store.db
        .select()
        .from(landscapeImports)
        .where(where)
        .orderBy(desc(landscapeImports.id))
        .limit(limit);
      return rows.map(importOf);
    },
    lastImports: async () => {
      const rows = await store.db
        .selectDistinctOn([landscapeImports.source])
        .from(landscapeImports)
        .orderBy(landscapeImports.source, desc(landscapeImports.id));
      return rows.map(importOf);
    },
    record: entry => store.transaction(tx => record(tx, entry)),
    hostsBeside: async source => {
      const rows = await store.db.execute<{ source: string; name: string | null }>(sql`
        select source, host ->> 'name' as name from ${landscapeContributions}
        left join lateral jsonb_array_elements(records -> 'hosts') as host on source <> ${source}`);
      return rows.length === 0 ? null : rows.flatMap(({ name }) => name ?? []);
    },
    transaction: work =>
      store.transaction(tx =>
        work({
          lock: async () => {
            // Readers go on; a second import waits and then sees this one.
            await tx.execute(sql`lock table ${landscapes} in share row exclusive mode`);
          },
          current: async () => {
            const [head] = await tx
              .select({ version: landscapes.version })
              .from(landscapes)
              .orderBy(desc(landscapes.version))
              .limit(1);
            return head ? versionOf(tx, head.version) : null;
          },
          contributions: async () => {
            const rows = await tx.select().from(landscapeContributions);
            // Written by `putContribution` below and by nothing else.
            return rows.map(({ records, ...row }) => ({ ...row, records: records as LandscapeRecords }));
          },
          add: async ({ version, digest, importedBy, importedAt, ...content }) => {
            const document: LandscapeContent = content;
            const { hosts, components, clusters } = content;
            const counts: Counts = { hosts: hosts.length, components: components.length, clusters: clusters.length };
            await tx
              .insert(landscapes)
              .values({ version, digest, document, importedBy, createdAt: new Date(importedAt), counts });
          },
          putContribution: async ({ source, priority, records }) => {
            await tx
              .insert(landscapeContributions)
              .values({ source, priority, records })
              .onConflictDoUpdate({ target: landscapeContributions.source, set: { priority, records } });
          },
          removeContribution: async source => {
            await tx.delete(landscapeContributions).where(eq(landscapeContributions.source, source));
          },
          record: entry => record(tx, entry),
          audit: async entry => {
            await append(tx, entry);
          },
        }),
      ),
  };
}

type Counts = Record<'hosts' | 'components' | 'clusters', number>;

async function record(db: Queries, { at, conflicts, ...entry }: ImportRecord): Promise<void> {
  const [added] = await db
    .insert(landscapeImports)
    .values({ ...entry, at: new Date(at), conflicts })
    .returning({ id: landscapeImports.id });
  const oldest = db
    .select({ id: landscapeImports.id })
    .from(landscapeImports)
    .where(eq(landscapeImports.source, entry.source))
    .orderBy(desc(landscapeImports.id))
    .limit(1)
    .offset(KEPT_IMPORTS);
  if (added)
    await db
      .delete(landscapeImports)
      .where(and(eq(landscapeImports.source, entry.source), sql`${landscapeImports.id} <= (${oldest})`));
}

function importOf({ id: _, at, conflicts, ...row }: typeof landscapeImports.$inferSelect): ImportRecord {
  return { ...row, at: at.getTime(), conflicts: conflicts as Conflict[] };
}

async function versionOf(db: Queries, wanted: number): Promise<Landscape | null> {
  const [row] = await db.select().from(landscapes).where(eq(landscapes.version, wanted));
  if (!row) return null;
  const { version, digest, importedBy, createdAt } = row;
  // Written by `add` above and by nothing else.
  const content = row.document as LandscapeContent;
  return { ...content, version, digest, importedBy, importedAt: createdAt.getTime() };
}
