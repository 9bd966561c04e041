import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { IndexedPackage } from '../harvest/repository/records.ts';
import { attest } from './decide.ts';
import { ImportRefused } from './errors.ts';
import { listOf } from './listed.ts';
import {
  type Attestation,
  type PackageReader,
  type ReadEarlier,
  type RepositoryFile,
  type RepositorySource,
  type SignatureStore,
  TIERS,
  type Tier,
  type VendorKey,
} from './ports.ts';

/** How far an import is. */
export interface Progress {
  stage: 'index' | 'packages' | 'keeping';
  packages: number;
  done: number;
}

/** A package of a repository that was read, now or before, with who vouches for it. */
export interface TakenPackage extends Omit<ReadEarlier, 'signedBy' | 'tier'> {
  /** The best of those who vouch for it. */
  tier: Tier;
  package: Digest;
  bytes: number;
  attestations: Attestation[];
}

export interface PackageReading {
  store: SignatureStore;
  reader: PackageReader;
  source: RepositorySource;
  clock: Clock;
  /** Of the repository. */
  name: string;
  keys: readonly VendorKey[];
  /** What the signed index says of each of its packages; null for an index that nobody signed. */
  vouching: Attestation | null;
  progress: (now: Progress) => void;
  signal: AbortSignal;
}

/** One is read while the next is on its way; reading keeps a core busy. */
const AT_ONCE = 2;
/** The largest packages of Debian have 2 GB. */
const MAX_PACKAGE_BYTES = 4 * 1024 * 1024 * 1024;

/** Reads all of the packages, but for those that were read before. Throws an {@link ImportRefused} for the first that is bad. */
export async function readAll(packages: readonly IndexedPackage[], reading: PackageReading): Promise<TakenPackage[]> {
  const earlier = await reading.store.readEarlier(packages.map(digestOf));
  const taken: TakenPackage[] = [];
  let done = 0;
  const rest = packages.entries();
  let failed = false;
  const worker = async () => {
    for (const [at, each] of rest) {
      if (failed) return;
      reading.signal.throwIfAborted();
      const known = earlier.get(digestOf(each)) ?? (await readOne(each, reading));
      taken[at] = vouchedFor(each, known, reading);
      done += 1;
      reading.progress({ stage: 'packages', packages: packages.length, done });
    }
  };
  reading.progress({ stage: 'packages', packages: packages.length, done });
  const workers = Array.from({ length: AT_ONCE }, () =>
    worker().catch(error => {
      failed = true;
      throw error;
    }),
  );
  // Nothing goes on when this ends.
  const ends = await Promise.allSettled(workers);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return taken;
}

const digestOf = ({ sha256 }: IndexedPackage): Digest => `sha256:${sha256}`;

async function readOne(each: IndexedPackage, reading: PackageReading): Promise<ReadEarlier> {
  const { name, source } = reading;
  if (each.bytes > MAX_PACKAGE_BYTES)
    throw refused('too-large', name, each, `it has ${each.bytes} bytes, more than ${MAX_PACKAGE_BYTES}`);
  const read = await source.read(each.path, each.bytes, file => readFile(each, file, reading));
  if (read) return read;
  throw refused('damaged', name, each, 'it is not there, though the index names it');
}

async function readFile(
  each: IndexedPackage,
  { file, bytes, digest }: RepositoryFile,
  { store, reader, clock, name, keys }: PackageReading,
): Promise<ReadEarlier> {
  if (bytes !== each.bytes || digest !== digestOf(each))
    throw refused(
      'damaged',
      name,
      each,
      `it is not what the index says: ${bytes} bytes with ${digest}, ${each.bytes} with sha256:${each.sha256} were announced`,
    );
  const said = { product: null, version: null, architecture: null, at: null, directory: false };
  const armored = keys.map(key => key.armored);
  const read = await reader.package({ file, name: fileName(each), bytes, said, keys: armored });
  if (!read.ok) throw refused('bad-package', name, each, read.error);
  const { signatureProblem, ...found } = read.value;
  if (signatureProblem !== null)
    throw refused(
      'bad-signature',
      name,
      each,
      `${signatureProblem}. Where its key is one to trust, add it: tidemark signatures key add FILE --tier vendor`,
    );
  const differs = (['product', 'version', 'architecture'] as const).find(field => found[field] !== each[field]);
  if (differs)
    throw refused(
      'bad-package',
      name,
      each,
      `the index calls its ${differs} ${each[differs]}, the package itself ${found[differs]}`,
    );
  const files = listOf(found);
  if (!files) throw refused('bad-package', name, each, 'what was read of it is no list of files');
  await store.keepRead({ ...found, package: { digest, bytes } }, files, clock.now());
  const { product, version, architecture, source, installedBytes } = found;
  return {
    product,
    version,
    architecture,
    source,
    files: files.length,
    installedBytes,
    signedBy: found.signedBy?.fingerprint ?? null,
    tier: null,
  };
}

/** The signature of the package itself and that of the index: one is enough. */
function vouchedFor(each: IndexedPackage, read: ReadEarlier, { name, keys, vouching }: PackageReading): TakenPackage {
  const { signedBy, tier: before, ...found } = read;
  const attested = attest({
    name: `${name}: ${fileName(each)}`,
    read: {
      source: read.source,
      signedBy: signedBy === null ? null : { fingerprint: signedBy, name: '' },
      signatureProblem: null,
    },
    keys,
    statement: null,
    repository: vouching,
  });
  // Where somebody vouched for exactly these bytes before, a repository that says nothing of them takes nothing away.
  if (!attested.ok && (before === null || attested.error.code !== 'package-unsigned'))
    throw new ImportRefused(attested.error.code, `${attested.error.message}. Nothing was kept`);
  const attestations = attested.ok ? attested.value : [];
  const tiers = [before, ...attestations.map(each => each.tier)];
  const tier = TIERS.find(each => tiers.includes(each));
  if (!tier) throw new Error(`${each.path} was taken, and nobody vouches for it`);
  return { ...found, tier, package: digestOf(each), bytes: each.bytes, attestations };
}

const fileName = ({ path }: IndexedPackage): string => path.slice(path.lastIndexOf('/') + 1);

const refused = (code: ImportRefused['code'], name: string, each: IndexedPackage, what: string): ImportRefused =>
  new ImportRefused(
    code,
    `${name}: the package ${each.path}: ${what}. Nothing was kept; to import the others without it: --except ${each.product}`,
  );
