import type { Digest } from '@tidemark/shared/base/digest.ts';
import { PackageSource } from '@tidemark/shared/orders/bundle.ts';
import { and, asc, eq, inArray } from 'drizzle-orm';
import type { KnownPackage } from '../bundles/freezing.ts';
import type { ListedFile } from '../harvest/file-list.ts';
import { type ProductSignature, type SignatureStore, TIERS, type VendorKey } from '../signatures/ports.ts';
import { append } from './audit.ts';
import { addList, decoded, keyOfDigest, keyOfPath } from './file-lists.ts';
import { forgetRead, keepRead, learn, readEarlier, remember, seenRepository, vouch } from './repositories.ts';
import { attestations, contentOwners, fileLists, pathOwners, productSignatures, vendorKeys } from './schema.ts';
import type { Queries, Store, Tx } from './store.ts';

/** What product versions are made of. */
export function signatureStore(store: Store): SignatureStore {
  const { db } = store;
  return {
    transaction: work =>
      store.transaction(tx =>
        work({
          add: (signature, list, files) => add(tx, signature, list, files),
          addKey: key => addKey(tx, key),
          removeKey: async fingerprint => {
            const [row] = await tx.delete(vendorKeys).where(eq(vendorKeys.fingerprint, fingerprint)).returning();
            return row ? keyOf(row) : null;
          },
          learn: input => learn(tx, input),
          repository: name => seenRepository(tx, name),
          remember: (repository, by, now) => remember(tx, repository, by, now),
          audit: async entry => {
            await append(tx, entry);
          },
        }),
      ),
    signatures: () => rows(db),
    signature: async id => (await rows(db, [id]))[0] ?? null,
    filesOf: id => filesOf(db, id),
    ownersOfContent: digest =>
      owners(db, contentOwners, keyOfDigest(Buffer.from(digest, 'hex')), file => file.sha256 === digest),
    ownersOfPath: path =>
      owners(db, pathOwners, keyOfPath(path), file => file.path === path && file.kind !== 'directory'),
    repository: name => seenRepository(db, name),
    readEarlier: digests => readEarlier(db, digests),
    keepRead: (read, files, now) => store.transaction(tx => keepRead(tx, read, files, now)),
    forgetRead: until => store.transaction(tx => forgetRead(tx, until)),
    keys: async () => (await db.select().from(vendorKeys).orderBy(asc(vendorKeys.createdAt))).map(keyOf),
  };
}

async function rows(db: Queries, ids?: readonly number[]): Promise<ProductSignature[]> {
  const found = await db
    .select({ signature: productSignatures, files: fileLists.files, installedBytes: fileLists.installedBytes })
    .from(productSignatures)
    .innerJoin(fileLists, eq(fileLists.id, productSignatures.list))
    .where(ids && inArray(productSignatures.id, [...ids]))
    .orderBy(asc(productSignatures.product), asc(productSignatures.id));
  const vouched = await db
    .select()
    .from(attestations)
    .where(ids && inArray(attestations.signature, [...ids]));
  const bySignature = Map.groupBy(vouched, ({ signature }) => signature);
  return found.map(({ signature, files, installedBytes }) => ({
    id: signature.id,
    product: signature.product,
    version: signature.version,
    architecture: signature.architecture || null,
    source: signature.source,
    vendor: signature.vendor,
    package: { digest: signature.packageDigest as Digest, bytes: signature.packageBytes },
    files,
    installedBytes,
    attestations: (bySignature.get(signature.id) ?? [])
      .map(({ tier, by, via, evidence }) => ({ tier, by, via, evidence }))
      .sort((a, b) => TIERS.indexOf(a.tier) - TIERS.indexOf(b.tier)),
    importedBy: signature.importedBy,
    importedAt: signature.createdAt.getTime(),
  }));
}

async function add(
  tx: Tx,
  signature: Omit<ProductSignature, 'id' | 'files'>,
  list: Buffer,
  files: readonly ListedFile[],
): Promise<{ id: number; fresh: boolean }> {
  const listId = await addList(tx, list, files, signature.installedBytes);
  const identity = {
    product: signature.product,
    version: signature.version,
    architecture: signature.architecture ?? '',
    source: signature.source,
    packageDigest: signature.package.digest,
    list: listId,
  };
  const [added] = await tx
    .insert(productSignatures)
    .values({
      ...identity,
      vendor: signature.vendor,
      packageBytes: signature.package.bytes,
      importedBy: signature.importedBy,
      createdAt: new Date(signature.importedAt),
    })
    .onConflictDoNothing()
    .returning({ id: productSignatures.id });
  const id = added?.id ?? (await idOf(tx, identity));
  const vouched = await vouch(tx, id, signature.attestations);
  return { id, fresh: added !== undefined || vouched };
}

async function idOf(
  tx: Tx,
  identity: Record<'product' | 'version' | 'architecture' | 'packageDigest', string> & {
    source: ProductSignature['source'];
    list: number;
  },
): Promise<number> {
  const [row] = await tx
    .select({ id: productSignatures.id })
    .from(productSignatures)
    .where(
      and(
        eq(productSignatures.product, identity.product),
        eq(productSignatures.version, identity.version),
        eq(productSignatures.architecture, identity.architecture),
        eq(productSignatures.source, identity.source),
        eq(productSignatures.packageDigest, identity.packageDigest),
        eq(productSignatures.list, identity.list),
      ),
    );
  if (!row) throw new Error(`signature ${identity.product} ${identity.version} was removed while it was added`);
  return row.id;
}

async function owners(
  db: Queries,
  table: typeof contentOwners | typeof pathOwners,
  key: bigint,
  is: (file: ListedFile) => boolean,
): Promise<number[]> {
  const found = await db
    .select({ list: fileLists.id, data: fileLists.data })
    .from(fileLists)
    .where(inArray(fileLists.id, db.select({ list: table.list }).from(table).where(eq(table.key, key))));
  const lists = found.filter(({ data }) => decoded(data).some(is)).map(({ list }) => list);
  if (lists.length === 0) return [];
  const ids = await db
    .select({ id: productSignatures.id })
    .from(productSignatures)
    .where(inArray(productSignatures.list, lists))
    .orderBy(asc(productSignatures.id));
  return ids.map(({ id }) => id);
}

async function filesOf(db: Queries, id: number): Promise<ListedFile[]> {
  const [row] = await db
    .select({ data: fileLists.data })
    .from(fileLists)
    .innerJoin(productSignatures, eq(productSignatures.list, fileLists.id))
    .where(eq(productSignatures.id, id));
  return row ? decoded(row.data) : [];
}

/** Packages of these names that were read from their own files, each with where it came from. */
export async function knownPackages({ db }: Pick<Store, 'db'>, names: readonly string[]): Promise<KnownPackage[]> {
  const wanted = and(
    inArray(productSignatures.product, [...new Set(names)]),
    inArray(productSignatures.source, ['deb', 'rpm']),
  );
  const ids = await db.select({ id: productSignatures.id }).from(productSignatures).where(wanted);
  if (ids.length === 0) return [];
  const found = await rows(
    db,
    ids.map(({ id }) => id),
  );
  return found.map(({ product, version, architecture, source, vendor, package: { digest }, attestations: by }) => ({
    ...{ family: source === 'deb' ? ('dpkg' as const) : ('rpm' as const), name: product, version },
    architecture: architecture === null || NEUTRAL.has(architecture) ? null : architecture,
    sha256: digest,
    source: PackageSource.safeParse(by.find(({ via }) => via !== '')?.via ?? vendor).data ?? null,
  }));
}

/** Architectures of packages that run on all. */
const NEUTRAL = new Set(['all', 'noarch']);

async function addKey(tx: Tx, { addedAt, ...key }: VendorKey): Promise<boolean> {
  const [before] = await tx.select().from(vendorKeys).where(eq(vendorKeys.fingerprint, key.fingerprint)).for('update');
  if (before?.tier === key.tier && before.armored === key.armored) return false;
  await tx
    .insert(vendorKeys)
    .values({ ...key, createdAt: new Date(addedAt) })
    .onConflictDoUpdate({
      target: vendorKeys.fingerprint,
      set: { tier: key.tier, armored: key.armored, name: key.name, addedBy: key.addedBy },
    });
  return true;
}

const keyOf = ({ createdAt, ...row }: typeof vendorKeys.$inferSelect): VendorKey => ({
  ...row,
  addedAt: createdAt.getTime(),
});
