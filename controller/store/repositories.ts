import type { Digest } from '@tidemark/shared/base/digest.ts';
import { and, eq, inArray, lt, notExists, sql } from 'drizzle-orm';
import type { ListedFile } from '../harvest/file-list.ts';
import {
  type Attestation,
  type ReadEarlier,
  type SeenRepository,
  type SignatureStore,
  type SignatureTransaction,
  TIERS,
} from '../signatures/ports.ts';
import { addList } from './file-lists.ts';
import { attestations, fileLists, productSignatures, readPackages, repositories } from './schema.ts';
import type { Queries, Tx } from './store.ts';

/* Repositories, and what was read of their packages before anybody vouched for it. */

/** In a transaction, nobody else changes it before that ends. */
export async function seenRepository(db: Queries, name: string): Promise<SeenRepository | null> {
  const [row] = await db.select().from(repositories).where(eq(repositories.name, name)).for('update');
  if (!row) return null;
  const { kind, datedAt, indexDigest, signedBy } = row;
  return { name, kind, dated: datedAt?.getTime() ?? null, index: indexDigest as Digest, signedBy };
}

export async function remember(tx: Tx, { name, ...seen }: SeenRepository, by: string, now: number): Promise<void> {
  const values = {
    kind: seen.kind,
    datedAt: seen.dated === null ? null : new Date(seen.dated),
    indexDigest: seen.index,
    signedBy: seen.signedBy,
    importedBy: by,
    importedAt: new Date(now),
  };
  await tx
    .insert(repositories)
    .values({ name, ...values })
    .onConflictDoUpdate({ target: repositories.name, set: values });
}

/** As many digests as one query takes well. */
const AT_ONCE = 1_000;

export async function readEarlier(db: Queries, digests: readonly Digest[]): Promise<Map<Digest, ReadEarlier>> {
  const found = new Map<Digest, ReadEarlier>();
  for (let at = 0; at < digests.length; at += AT_ONCE) {
    const some = digests.slice(at, at + AT_ONCE);
    // What is known wins over what only was read.
    for (const [digest, read] of [...(await onlyRead(db, some)), ...(await known(db, some))]) found.set(digest, read);
  }
  return found;
}

async function onlyRead(db: Queries, digests: readonly Digest[]): Promise<[Digest, ReadEarlier][]> {
  const rows = await db
    .select({ read: readPackages, files: fileLists.files, installedBytes: fileLists.installedBytes })
    .from(readPackages)
    .innerJoin(fileLists, eq(fileLists.id, readPackages.list))
    .where(inArray(readPackages.packageDigest, [...digests]));
  return rows.map(({ read: { packageDigest, product, version, architecture, source, signedBy }, ...sizes }) => [
    packageDigest as Digest,
    { product, version, architecture: architecture || null, source, signedBy: signedBy || null, tier: null, ...sizes },
  ]);
}

async function known(db: Queries, digests: readonly Digest[]): Promise<[Digest, ReadEarlier][]> {
  const rows = await db
    .select({ signature: productSignatures, files: fileLists.files, installedBytes: fileLists.installedBytes })
    .from(productSignatures)
    .innerJoin(fileLists, eq(fileLists.id, productSignatures.list))
    .where(and(inArray(productSignatures.packageDigest, [...digests]), inArray(productSignatures.source, PACKAGES)));
  if (rows.length === 0) return [];
  const vouched = await db
    .select()
    .from(attestations)
    .where(
      inArray(
        attestations.signature,
        rows.map(({ signature }) => signature.id),
      ),
    );
  const bySignature = Map.groupBy(vouched, ({ signature }) => signature);
  return rows.map(({ signature, ...sizes }) => {
    const { packageDigest, product, version, architecture, source } = signature;
    const said = bySignature.get(signature.id) ?? [];
    const own = said.find(({ tier, via }) => via === '' && (tier === 'vendor' || tier === 'repository'));
    const tier = TIERS.find(each => said.some(other => other.tier === each)) ?? null;
    return [
      packageDigest as Digest,
      { product, version, architecture: architecture || null, source, signedBy: own?.by ?? null, tier, ...sizes },
    ];
  });
}

/** Formats that say themselves what they are: of those, bytes are one product version. */
const PACKAGES = ['deb', 'rpm'] as const satisfies ReadEarlier['source'][];

export async function keepRead(
  tx: Tx,
  read: Parameters<SignatureStore['keepRead']>[0],
  files: readonly ListedFile[],
  now: number,
): Promise<void> {
  const { product, version, architecture, source, vendor } = read;
  await tx
    .insert(readPackages)
    .values({
      packageDigest: read.package.digest,
      packageBytes: read.package.bytes,
      product,
      version,
      architecture: architecture ?? '',
      source,
      vendor,
      list: await addList(tx, read.list, files, read.installedBytes),
      signedBy: read.signedBy?.fingerprint ?? '',
      createdAt: new Date(now),
    })
    .onConflictDoNothing();
}

export async function learn(
  tx: Tx,
  { digest, attestations: said, by, now }: Parameters<SignatureTransaction['learn']>[0],
): Promise<boolean> {
  const [read] = await tx.delete(readPackages).where(eq(readPackages.packageDigest, digest)).returning();
  if (read) {
    const { signedBy: _, createdAt: __, ...found } = read;
    await tx
      .insert(productSignatures)
      .values({ ...found, importedBy: by, createdAt: new Date(now) })
      .onConflictDoNothing();
  }
  const [row] = await tx
    .select({ id: productSignatures.id })
    .from(productSignatures)
    .where(and(eq(productSignatures.packageDigest, digest), inArray(productSignatures.source, PACKAGES)))
    .limit(1);
  if (!row) throw new Error(`what was read of the package ${digest} was removed while it was learned`);
  return (await vouch(tx, row.id, said)) || read !== undefined;
}

/** Whether anybody vouches who did not before. */
export async function vouch(tx: Tx, signature: number, said: readonly Attestation[]): Promise<boolean> {
  if (said.length === 0) return false;
  const fresh = await tx
    .insert(attestations)
    .values(said.map(each => ({ ...each, signature })))
    .onConflictDoNothing()
    .returning({ tier: attestations.tier });
  return fresh.length > 0;
}

export async function forgetRead(tx: Tx, until: number): Promise<number> {
  const gone = await tx
    .delete(readPackages)
    .where(lt(readPackages.createdAt, new Date(until)))
    .returning({ list: readPackages.list });
  if (gone.length > 0) {
    const refers = (table: typeof productSignatures | typeof readPackages) =>
      tx.select({ one: sql`1` }).from(table).where(eq(table.list, fileLists.id));
    const lists = gone.map(({ list }) => list);
    await tx
      .delete(fileLists)
      .where(and(inArray(fileLists.id, lists), notExists(refers(productSignatures)), notExists(refers(readPackages))));
  }
  return gone.length;
}
