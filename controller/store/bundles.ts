import { randomUUID } from 'node:crypto';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import { FrozenPackage } from '@tidemark/shared/orders/bundle.ts';
import { and, asc, eq, notInArray, sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Bundle, BundleStore, Release, SignatureFile } from '../bundles/ports.ts';
import type { Ring } from '../bundles/rings.ts';
import { append } from './audit.ts';
import { artifacts, bundleSignOffs, bundles, rings, signatureFiles, signatures } from './schema.ts';
import type { Queries, Store, Tx } from './store.ts';

/** Rows in one statement: large enough that the round trips do not count, small enough for any statement's memory. */
const FILES_AT_ONCE = 5_000;

export function bundleStore(store: Store): BundleStore {
  return {
    transaction: work =>
      store.transaction(tx =>
        work({
          releaseLocked: (product, version) => lockedRelease(tx, product, version),
          addRelease: (release, files) => addRelease(tx, release, files),
          bundle: name => bundleNamed(tx, name),
          addBundle: bundle => addBundle(tx, bundle),
          bundleLocked: async name => {
            const [row] = await tx.select().from(bundles).where(eq(bundles.name, name)).for('update');
            return row ? bundleOf(row) : null;
          },
          update: async (name, { ringSince, ...change }) => {
            const set = { ...change, ...(ringSince === undefined ? {} : { ringSince: new Date(ringSince) }) };
            await tx.update(bundles).set(set).where(eq(bundles.name, name));
          },
          addSignOff: async (name, approver, { ring, envelope }, atMs) => {
            const createdAt = new Date(atMs);
            await tx
              .insert(bundleSignOffs)
              .values({ bundle: name, ring, approver, envelope, createdAt })
              .onConflictDoUpdate({
                target: [bundleSignOffs.bundle, bundleSignOffs.ring, bundleSignOffs.approver],
                set: { envelope, createdAt },
              });
          },
          ringsLocked: async () => {
            await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended('rings', 0))`);
            return ringRows(tx);
          },
          setRings: next => setRings(tx, next),
          bundles: () => bundleRows(tx),
          audit: async entry => {
            await append(tx, entry);
          },
        }),
      ),
    releases: () => releaseRows(store.db),
    bundles: () => bundleRows(store.db),
    bundle: name => bundleNamed(store.db, name),
    rings: () => ringRows(store.db),
    signOffs: name =>
      store.db
        .select({ ring: bundleSignOffs.ring, envelope: bundleSignOffs.envelope })
        .from(bundleSignOffs)
        .where(eq(bundleSignOffs.bundle, name)),
  };
}

async function lockedRelease(tx: Tx, product: string, version: string): Promise<Release | null> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`release ${product} ${version}`}, 0))`);
  const [release] = await releaseRows(tx, { product, version });
  return release ?? null;
}

async function releaseRows(db: Queries, only?: { product: string; version: string }): Promise<Release[]> {
  const rows = await db
    .select()
    .from(signatures)
    .innerJoin(artifacts, eq(artifacts.digest, signatures.artifact))
    .where(only && and(eq(signatures.product, only.product), eq(signatures.version, only.version)))
    .orderBy(asc(signatures.product), asc(signatures.createdAt));
  return rows.map(({ signatures: signature, artifacts: artifact }) => ({
    product: signature.product,
    version: signature.version,
    artifact: { name: artifact.name, digest: artifact.digest as Digest, bytes: artifact.bytes },
    unpackedBytes: signature.unpackedBytes,
    fileCount: signature.fileCount,
    tier: signature.tier,
    importedBy: signature.importedBy,
    importedAt: signature.createdAt.getTime(),
  }));
}

async function addRelease(tx: Tx, release: Release, files: readonly SignatureFile[]): Promise<void> {
  const { artifact } = release;
  await tx.insert(artifacts).values(artifact).onConflictDoNothing();
  const id = randomUUID();
  await tx.insert(signatures).values({
    id,
    product: release.product,
    version: release.version,
    artifact: artifact.digest,
    tier: release.tier,
    unpackedBytes: release.unpackedBytes,
    fileCount: release.fileCount,
    importedBy: release.importedBy,
    createdAt: new Date(release.importedAt),
  });
  for (let from = 0; from < files.length; from += FILES_AT_ONCE) {
    const rows = files.slice(from, from + FILES_AT_ONCE).map(file => ({
      path: file.path.toString('hex'),
      kind: file.kind,
      digest: file.digest.toString('hex'),
      size: file.size,
      executable: file.executable,
    }));
    await tx.execute(sql`
      insert into ${signatureFiles} (signature, path, kind, digest, size, executable)
      select ${id}::uuid, decode(path, 'hex'), kind, decode(digest, 'hex'), size, executable
      from json_to_recordset(${JSON.stringify(rows)}::json)
        as file(path text, kind text, digest text, size bigint, executable boolean)`);
  }
}

async function addBundle(tx: Tx, bundle: Bundle): Promise<void> {
  await tx.insert(bundles).values({
    name: bundle.name,
    digest: bundle.digest,
    document: {
      ...{ releases: bundle.releases, packages: bundle.packages, advisories: bundle.advisories },
      ...(bundle.asked === bundle.digest ? {} : { asked: bundle.asked }),
    },
    ring: bundle.ring,
    ringSince: new Date(bundle.ringSince),
    createdBy: bundle.createdBy,
    createdAt: new Date(bundle.createdAt),
  });
}

const bundleRows = async (db: Queries): Promise<Bundle[]> =>
  (await db.select().from(bundles).orderBy(asc(bundles.createdAt), asc(bundles.name))).map(bundleOf);

const ringRows = async (db: Queries): Promise<Ring[]> =>
  (await db.select().from(rings).orderBy(asc(rings.position))).map(({ name, needs }) => ({
    name,
    needs: StoredNeeds.parse(needs),
  }));

/** Bundles refer to rings, so those that stay are changed and not made anew. */
async function setRings(tx: Tx, next: readonly Ring[]): Promise<void> {
  for (const [position, { name, needs }] of next.entries()) {
    const row = { name, position, needs };
    await tx.insert(rings).values(row).onConflictDoUpdate({ target: rings.name, set: row });
  }
  const names = next.map(({ name }) => name);
  await tx.delete(rings).where(notInArray(rings.name, names));
}

async function bundleNamed(db: Queries, name: string): Promise<Bundle | null> {
  const [row] = await db.select().from(bundles).where(eq(bundles.name, name));
  return row ? bundleOf(row) : null;
}

/** What {@link addBundle} wrote. */
const BundleDocument = z.object({
  releases: z.array(
    z.object({ product: z.string(), version: z.string(), artifact: z.custom<Digest>(), bytes: z.number() }),
  ),
  /** Not there in bundles that were made before there were any. */
  packages: z.array(FrozenPackage).default([]),
  advisories: z.array(z.string()).default([]),
  /** Not there where it is the bundle's own. */
  asked: z.custom<Digest>().optional(),
});

const StoredWord = z.object({ by: z.string(), reason: z.string(), at: z.int() }).nullable();

const StoredNeeds = z.object({
  ageMs: z.int().nullable(),
  hosts: z.int().nullable(),
  successShare: z.number().nullable(),
  noOpenIncidents: z.boolean(),
  signOff: z.object({ from: z.array(z.string()), need: z.int(), notAuthor: z.boolean() }).nullable(),
});

function bundleOf(row: typeof bundles.$inferSelect): Bundle {
  const { asked = row.digest as Digest, ...content } = BundleDocument.parse(row.document);
  return {
    name: row.name,
    digest: row.digest as Digest,
    asked,
    ring: row.ring,
    ringSince: row.ringSince.getTime(),
    ...content,
    held: StoredWord.parse(row.held),
    withdrawn: StoredWord.parse(row.withdrawn),
    createdBy: row.createdBy,
    createdAt: row.createdAt.getTime(),
  };
}
