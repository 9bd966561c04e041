import { hash } from 'node:crypto';
import type { Json } from '@tidemark/shared/base/canonical-json.ts';
import { canonicalJson } from '@tidemark/shared/base/canonical-json.ts';
import { and, eq, inArray, isNull, sql } from 'drizzle-orm';
import type { Advisory, Affected, Exploitation } from '../risk/advisory.ts';
import type { Candidate } from '../risk/match.ts';
import type { AdvisoryHead, ImportCounts, RiskStore } from '../risk/ports.ts';
import { append } from './audit.ts';
import { advisories, advisoryImports, advisoryNames, advisoryPackages, exploitation } from './schema.ts';
import type { Store, Tx } from './store.ts';

/** Rows in one statement: as JSON, since parameters are 65,535 at most. */
const ROWS_AT_ONCE = 5_000;

export function riskStore({ db, transaction }: Pick<Store, 'db' | 'transaction'>): RiskStore {
  const headsOf = async (ids: readonly string[]): Promise<Map<string, AdvisoryHead>> => {
    const found = new Map<string, AdvisoryHead>();
    for (const portion of portions(ids)) {
      const rows = await db.select().from(advisories).where(inArray(advisories.id, portion));
      const names = await db.select().from(advisoryNames).where(inArray(advisoryNames.advisory, portion));
      const aliases = Map.groupBy(names, ({ advisory }) => advisory);
      for (const row of rows)
        found.set(row.id, {
          id: row.id,
          format: row.format,
          aliases: (aliases.get(row.id) ?? [])
            .map(({ name }) => name)
            .filter(name => name !== row.id)
            .sort(),
          summary: row.summary,
          severity: { score: row.score, from: row.scoreFrom },
          modified: row.modifiedAt.getTime(),
          withdrawn: row.withdrawnAt?.getTime() ?? null,
        });
    }
    return found;
  };

  return {
    heads: headsOf,

    import: (batch, record) =>
      transaction(async tx => {
        // One import after the other: editions have no gap.
        await tx.execute(sql`lock table ${advisoryImports} in share row exclusive mode`);
        const [{ next } = { next: 1 }] = await tx.execute<{ next: number }>(
          sql`select coalesce(max(${advisoryImports.number}) + 1, 1)::int as next from ${advisoryImports}`,
        );
        const taken = await keepAdvisories(tx, [...batch.advisories.values()], next);
        if (batch.knownUses) await keepKnownUses(tx, batch.knownUses);
        if (batch.probabilities) await keepProbabilities(tx, batch.probabilities);
        const counts: ImportCounts = {
          files: batch.files,
          ...taken,
          knownUses: batch.knownUses?.length ?? 0,
          probabilities: batch.probabilities?.length ?? 0,
          leftOut: Object.fromEntries(batch.leftOut),
        };
        const { source, by, at } = record;
        await tx
          .insert(advisoryImports)
          .values({ number: next, source, importedBy: by, importedAt: new Date(at), counts });
        await append(tx, {
          actor: by,
          action: 'advisories.imported',
          subject: `advisories ${source}`,
          detail: { ...counts },
        });
        return counts;
      }),

    edition: async () => {
      const [row] = await db
        .select({ edition: sql<number>`coalesce(max(${advisoryImports.number}), 0)::int` })
        .from(advisoryImports);
      return row?.edition ?? 0;
    },

    candidates: async (ecosystem, names) => {
      const found = new Map<string, Candidate[]>();
      for (const portion of portions(names)) {
        const rows = await db
          .select({
            name: advisoryPackages.name,
            advisory: advisoryPackages.advisory,
            affected: advisoryPackages.affected,
          })
          .from(advisoryPackages)
          .innerJoin(advisories, eq(advisories.id, advisoryPackages.advisory))
          .where(
            and(
              eq(advisoryPackages.ecosystem, ecosystem),
              inArray(advisoryPackages.name, portion),
              isNull(advisories.withdrawnAt),
            ),
          );
        for (const { name, advisory, affected } of rows) {
          const list = found.get(name) ?? [];
          // Written by `keepAdvisories` and by nothing else.
          list.push({ advisory, affected: { ecosystem, name, ...(affected as Omit<Affected, 'ecosystem' | 'name'>) } });
          found.set(name, list);
        }
      }
      return found;
    },

    named: async name => {
      const rows = await db
        .select({ id: advisoryNames.advisory })
        .from(advisoryNames)
        .where(eq(advisoryNames.name, name));
      const heads = await headsOf(rows.map(({ id }) => id));
      const found: Advisory[] = [];
      for (const head of heads.values()) {
        const packages = await db.select().from(advisoryPackages).where(eq(advisoryPackages.advisory, head.id));
        found.push({
          ...head,
          affected: packages.map(row => ({
            ecosystem: row.ecosystem,
            name: row.name,
            ...(row.affected as Omit<Affected, 'ecosystem' | 'name'>),
          })),
        });
      }
      return found.sort((a, b) => (a.id < b.id ? -1 : 1));
    },

    exploitation: async cves => {
      const found = new Map<string, Exploitation>();
      for (const portion of portions(cves))
        for (const row of await db.select().from(exploitation).where(inArray(exploitation.cve, portion)))
          found.set(row.cve, {
            cve: row.cve,
            known: row.knownSince === null ? null : { since: row.knownSince, ransomware: row.ransomware },
            probability: row.probability,
          });
      return found;
    },
  };
}

function* portions<T>(all: readonly T[], size = ROWS_AT_ONCE): Generator<T[]> {
  for (let at = 0; at < all.length; at += size) yield all.slice(at, at + size);
}

/** Those that are newer than what is known, or new. */
async function keepAdvisories(tx: Tx, given: readonly Advisory[], number: number) {
  const counts = { advisories: 0, unchanged: 0, withdrawn: 0 };
  for (const portion of portions(given)) {
    const known = await tx
      .select({ id: advisories.id, digest: advisories.digest, modifiedAt: advisories.modifiedAt })
      .from(advisories)
      .where(
        inArray(
          advisories.id,
          portion.map(({ id }) => id),
        ),
      );
    const before = new Map(known.map(row => [row.id, row]));
    const fresh = portion.flatMap(advisory => {
      const digest = hash('sha256', canonicalJson(advisory as unknown as Json), 'hex');
      const old = before.get(advisory.id);
      // An older copy of what is known says nothing new.
      const isKnown = old !== undefined && (old.digest === digest || old.modifiedAt.getTime() > advisory.modified);
      return isKnown ? [] : [{ advisory, digest }];
    });
    counts.unchanged += portion.length - fresh.length;
    counts.advisories += fresh.length;
    counts.withdrawn += fresh.filter(({ advisory }) => advisory.withdrawn !== null).length;
    if (fresh.length === 0) continue;
    // Names and packages go with it.
    await tx.delete(advisories).where(
      inArray(
        advisories.id,
        fresh.map(({ advisory }) => advisory.id),
      ),
    );
    await tx.execute(sql`insert into ${advisories} (id, format, summary, score, score_from, modified_at, withdrawn_at, digest, import)
      select id, format, summary, score, score_from, modified_at, withdrawn_at, digest, ${number}
      from jsonb_to_recordset(${json(
        fresh.map(({ advisory, digest }) => ({
          id: advisory.id,
          format: advisory.format,
          summary: advisory.summary,
          score: advisory.severity.score,
          score_from: advisory.severity.from,
          modified_at: new Date(advisory.modified),
          withdrawn_at: advisory.withdrawn === null ? null : new Date(advisory.withdrawn),
          digest,
        })),
      )}::text::jsonb) as given(id text, format text, summary text, score double precision, score_from text,
        modified_at timestamptz, withdrawn_at timestamptz, digest text)`);
    const names = fresh.flatMap(({ advisory: { id, aliases } }) =>
      [...new Set([id, ...aliases])].map(name => ({ name, advisory: id })),
    );
    for (const rows of portions(names))
      await tx.execute(sql`insert into ${advisoryNames} (name, advisory)
        select name, advisory from jsonb_to_recordset(${json(rows)}::text::jsonb) as given(name text, advisory text)`);
    const packages = fresh.flatMap(({ advisory: { id, affected } }) =>
      affected.map(({ ecosystem, name, ...rest }) => ({ ecosystem, name, advisory: id, affected: rest })),
    );
    for (const rows of portions(packages))
      await tx.execute(sql`insert into ${advisoryPackages} (ecosystem, name, advisory, affected)
        select ecosystem, name, advisory, affected
        from jsonb_to_recordset(${json(rows)}::text::jsonb) as given(ecosystem text, name text, advisory text, affected jsonb)`);
  }
  return counts;
}

/** The list is whole: who is not on it any more was a mistake. */
async function keepKnownUses(
  tx: Tx,
  uses: readonly { cve: string; since: string; ransomware: boolean }[],
): Promise<void> {
  await tx.update(exploitation).set({ knownSince: null, ransomware: false });
  for (const rows of portions(lastOfEach(uses)))
    await tx.execute(sql`insert into ${exploitation} (cve, known_since, ransomware)
      select cve, since, ransomware from jsonb_to_recordset(${json(rows)}::text::jsonb) as given(cve text, since text, ransomware boolean)
      on conflict (cve) do update set known_since = excluded.known_since, ransomware = excluded.ransomware`);
}

async function keepProbabilities(tx: Tx, given: readonly { cve: string; probability: number }[]): Promise<void> {
  await tx.update(exploitation).set({ probability: null });
  for (const rows of portions(lastOfEach(given)))
    await tx.execute(sql`insert into ${exploitation} (cve, probability)
      select cve, probability from jsonb_to_recordset(${json(rows)}::text::jsonb) as given(cve text, probability double precision)
      on conflict (cve) do update set probability = excluded.probability`);
}

const lastOfEach = <T extends { cve: string }>(rows: readonly T[]): T[] => [
  ...new Map(rows.map(row => [row.cve, row])).values(),
];

/** NUL, which JSON can and the database cannot, has no place in an advisory. */
const json = (rows: readonly unknown[]): string => JSON.stringify(rows).replaceAll('\\u0000', '\\ufffd');
