import { hash } from 'node:crypto';
import { asc, gte, inArray, sql } from 'drizzle-orm';
import type { ContentStore } from '../queries/ports.ts';
import { packageItems, packageSets, sections } from './schema.ts';
import type { Queries, Store, Tx } from './store.ts';

/*
 * Lists of packages as numbers of packages. A section is 100 KB of JSON and its numbers are 2 KB, so that the packages of a fleet
 * are read within a part of a second; the packages themselves are some thousands, since servers have the same ones.
 */

/** Any number that no other program takes for an advisory lock in this database: "tmpk" in ASCII. */
const NUMBERS_LOCK = 0x746d706b;
/** Sections of 100 KB that are in memory at a time. */
const AT_ONCE = 100;
/** A statement takes at most 65,535 parameters. */
const ROWS_AT_ONCE = 5_000;

export function packageSetStore({
  db,
  transaction,
}: Pick<Store, 'db' | 'transaction'>): Pick<ContentStore, 'packageSets'> {
  return {
    async packageSets(digests, from) {
      const sets = await readSets(db, digests);
      const missing = digests.filter(digest => !sets.has(digest));
      for (let at = 0; at < missing.length; at += AT_ONCE) {
        const portion = missing.slice(at, at + AT_ONCE);
        for (const [digest, numbers] of await transaction(tx => makeSets(tx, portion))) sets.set(digest, numbers);
      }
      const rows = await db
        .select({ item: packageItems.item })
        .from(packageItems)
        .where(gte(packageItems.number, from))
        .orderBy(asc(packageItems.number));
      return { sets, items: rows.map(({ item }) => item) };
    },
  };
}

async function readSets(db: Queries, digests: readonly string[]): Promise<Map<string, Uint32Array>> {
  const found = new Map<string, Uint32Array>();
  for (let at = 0; at < digests.length; at += ROWS_AT_ONCE) {
    const wanted = digests.slice(at, at + ROWS_AT_ONCE).map(digest => Buffer.from(digest, 'hex'));
    const rows = await db.select().from(packageSets).where(inArray(packageSets.digest, wanted));
    for (const { digest, numbers } of rows) found.set(digest.toString('hex'), numbersOf(numbers));
  }
  return found;
}

async function makeSets(tx: Tx, digests: readonly string[]): Promise<Map<string, Uint32Array>> {
  const wanted = digests.map(digest => Buffer.from(digest, 'hex'));
  const rows = await tx
    .select({ digest: sections.digest, content: sections.content })
    .from(sections)
    .where(inArray(sections.digest, wanted));
  const lists = rows.map(({ digest, content }) => ({
    digest,
    // The section fits its schema, else it were not kept.
    items: (content as { installed: unknown[] }).installed.map(item => JSON.stringify(item)),
  }));
  const numbers = await numbersFor(tx, new Set(lists.flatMap(({ items }) => items)));
  const sets = lists.map(({ digest, items }) => ({
    digest,
    numbers: Uint32Array.from(items, item => numbers.get(item) ?? 0).sort(),
  }));
  if (sets.length > 0)
    await tx
      .insert(packageSets)
      .values(sets.map(set => ({ digest: set.digest, numbers: Buffer.from(set.numbers.buffer) })))
      .onConflictDoNothing();
  return new Map(sets.map(set => [set.digest.toString('hex'), set.numbers]));
}

/** One transaction at a time gives numbers, so that there is no gap: whoever has read up to one has read all before it. */
async function numbersFor(tx: Tx, items: ReadonlySet<string>): Promise<Map<string, number>> {
  const digests = new Map([...items].map(item => [hash('sha256', item, 'hex'), item]));
  const numbers = new Map<string, number>();
  const look = async () => {
    const unknown = [...digests].filter(([, item]) => !numbers.has(item)).map(([digest]) => digest);
    for (let at = 0; at < unknown.length; at += ROWS_AT_ONCE) {
      const rows = await tx
        .select({ number: packageItems.number, digest: packageItems.digest })
        .from(packageItems)
        .where(
          inArray(
            packageItems.digest,
            unknown.slice(at, at + ROWS_AT_ONCE).map(digest => Buffer.from(digest, 'hex')),
          ),
        );
      for (const { number, digest } of rows) numbers.set(digests.get(digest.toString('hex')) ?? '', number);
    }
  };
  await look();
  if (numbers.size === items.size) return numbers;
  await tx.execute(sql`select pg_advisory_xact_lock(${NUMBERS_LOCK})`);
  await look();
  const [{ next } = { next: 0 }] = await tx.execute<{ next: number }>(
    sql`select coalesce(max(${packageItems.number}) + 1, 0)::int as next from ${packageItems}`,
  );
  const fresh = [...digests].filter(([, item]) => !numbers.has(item));
  for (let at = 0; at < fresh.length; at += ROWS_AT_ONCE) {
    const rows = fresh.slice(at, at + ROWS_AT_ONCE).map(([digest, item], index) => {
      numbers.set(item, next + at + index);
      return { number: next + at + index, digest, item: JSON.parse(item) as unknown };
    });
    await tx.execute(sql`insert into ${packageItems} (number, digest, item)
      select number, decode(digest, 'hex'), item
      from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) as given(number int, digest text, item jsonb)`);
  }
  return numbers;
}

/** A copy: the driver's buffers begin where they like. */
const numbersOf = (bytes: Buffer): Uint32Array => new Uint32Array(new Uint8Array(bytes).buffer);
