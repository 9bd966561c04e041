import { readFile } from 'node:fs/promises';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { Result } from '@tidemark/shared/base/result.ts';
import type { IndexedFile, IndexedPackage } from '../harvest/repository/records.ts';
import { checkAge, chosenLists, type Selection, selected, type Take } from './decide-repository.ts';
import { ImportRefused, type SignatureError } from './errors.ts';
import type {
  Attestation,
  InstalledPackages,
  PackageReader,
  RepositorySource,
  SeenRepository,
  SignatureStore,
  SignedTop,
  VendorKey,
} from './ports.ts';
import { type Progress, readAll, type TakenPackage } from './repository-packages.ts';

export interface RepositoryRequest {
  /** What memory of it is kept under: its address or directory, and the suite. */
  name: string;
  kind: 'apt' | 'rpm';
  /** Of apt: below `dists`, or a directory of its own where it ends with a slash. */
  suite: string;
  /** Null for all that there are. */
  components: readonly string[] | null;
  /** Null for those of the fleet, or all where it has none. */
  architectures: readonly string[] | null;
  take: Take;
  /** Names of packages to leave out. */
  except: readonly string[];
  /** It was put back on purpose. */
  allowOlder: boolean;
  by: string;
}

export interface ImportedRepository {
  name: string;
  /** What it calls itself. */
  title: string;
  dated: number | null;
  signedBy: { fingerprint: string; name: string } | null;
  packages: (Omit<TakenPackage, 'attestations'> & { unchanged: boolean })[];
  /** `name version` of what the fleet has installed and the repository has not. */
  absent: string[];
}

export interface RepositoryDependencies {
  store: SignatureStore;
  reader: PackageReader;
  source: RepositorySource;
  installed: (family: 'dpkg' | 'rpm') => Promise<InstalledPackages>;
  clock: Clock;
  progress: (now: Progress) => void;
  signal: AbortSignal;
}

/** A Release of Debian has 200 KB. */
const MAX_TOP_BYTES = 16 * 1024 * 1024;
const MAX_SIGNATURE_BYTES = 256 * 1024;
/** The list of all of Debian has 50 MB, a primary.xml of Fedora 200 MB where it is not packed. */
const MAX_LIST_BYTES = 1024 * 1024 * 1024;

/**
 * Learns the packages of a repository from its signed index, each by its digest: all that were chosen, or nothing. Throws an
 * {@link ImportRefused} that says why. What was read of single packages is kept for the next attempt, and known to nobody.
 */
export async function importRepository(
  request: RepositoryRequest,
  dependencies: RepositoryDependencies,
): Promise<ImportedRepository> {
  const { store, clock, progress } = dependencies;
  const { name, by } = request;
  progress({ stage: 'index', packages: 0, done: 0 });
  const keys = await store.keys();
  const { top, digest } = await (request.kind === 'apt' ? releaseOf : repomdOf)(request, dependencies, keys);
  const checked = (seen: SeenRepository | null) =>
    unwrap(checkAge({ name, top, seen, allowOlder: request.allowOlder, now: clock.now() }));
  checked(await store.repository(name));

  const vouching = vouchedBy(name, top, digest, keys);
  const { packages, absent } = await choose(request, top, dependencies);
  const taken = await readAll(packages, { ...dependencies, name, keys, vouching });

  progress({ stage: 'keeping', packages: taken.length, done: taken.length });
  const now = clock.now();
  return store.transaction(async transaction => {
    // Another import of the same repository may have come first.
    checked(await transaction.repository(name));
    const kept: ImportedRepository['packages'] = [];
    for (const { attestations, ...each } of taken) {
      const fresh = await transaction.learn({ digest: each.package, attestations, by, now });
      kept.push({ ...each, unchanged: !fresh });
    }
    const signedBy = top.signedBy?.fingerprint ?? null;
    await transaction.remember({ name, kind: request.kind, dated: top.dated, index: digest, signedBy }, by, now);
    await transaction.audit({
      actor: by,
      action: 'signatures.repository',
      subject: name,
      detail: {
        index: digest,
        signedBy: signedBy ?? 'nobody',
        packages: kept.length,
        new: kept.filter(({ unchanged }) => !unchanged).length,
        ...(request.allowOlder ? { allowOlder: 'yes' } : {}),
      },
    });
    return { name, title: top.name, dated: top.dated, signedBy: top.signedBy, packages: kept, absent };
  });
}

// -- the index ----------------------------------------------------------------------------------------------------------

interface Top {
  top: SignedTop;
  digest: Digest;
}

type Keys = readonly VendorKey[];

const suiteDirectory = (suite: string): string =>
  suite.endsWith('/') ? suite.replace(/^(\.?\/)+/, '') : `dists/${suite}/`;

async function releaseOf(
  { name, suite }: RepositoryRequest,
  dependencies: RepositoryDependencies,
  keys: Keys,
): Promise<Top> {
  const { source } = dependencies;
  const directory = suiteDirectory(suite);
  const inline = await source.read(`${directory}InRelease`, MAX_TOP_BYTES, file =>
    topOf(dependencies, { kind: 'release', name: `${name}: InRelease`, file, signature: null, keys }),
  );
  if (inline) return inline;
  const signature = await source.read(`${directory}Release.gpg`, MAX_SIGNATURE_BYTES, contentOf);
  if (!signature)
    throw new ImportRefused(
      'index-unsigned',
      `${name}: it has neither ${directory}InRelease nor ${directory}Release.gpg, so nobody vouches for it. Is this an apt repository, and the suite ${suite} in it?`,
    );
  const release = await source.read(`${directory}Release`, MAX_TOP_BYTES, file =>
    topOf(dependencies, { kind: 'release', name: `${name}: Release`, file, signature, keys }),
  );
  if (release) return release;
  throw new ImportRefused('bad-index', `${name}: it has ${directory}Release.gpg and no Release beside it`);
}

async function repomdOf({ name }: RepositoryRequest, dependencies: RepositoryDependencies, keys: Keys): Promise<Top> {
  const { source } = dependencies;
  const signature = await source.read('repodata/repomd.xml.asc', MAX_SIGNATURE_BYTES, contentOf);
  const repomd = await source.read('repodata/repomd.xml', MAX_TOP_BYTES, file =>
    topOf(dependencies, { kind: 'repomd', name: `${name}: repomd.xml`, file, signature, keys }),
  );
  if (repomd) return repomd;
  throw new ImportRefused(
    'bad-index',
    `${name}: it has no repodata/repomd.xml: it is no rpm repository. Of an apt repository, say which suite: --suite NAME`,
  );
}

interface TopFile {
  kind: 'release' | 'repomd';
  name: string;
  file: { file: string; bytes: number; digest: Digest };
  signature: Buffer | null;
  keys: Keys;
}

async function topOf({ reader }: RepositoryDependencies, { file, keys, ...rest }: TopFile): Promise<Top> {
  const armored = keys.map(key => key.armored);
  const read = await reader.top({ ...rest, file: file.file, bytes: file.bytes, keys: armored });
  if (read.ok) return { top: read.value, digest: file.digest };
  if (read.error.code === 'signature')
    throw new ImportRefused(
      'bad-signature',
      `${read.error.message}. Where its key is one to trust, add it: tidemark signatures key add FILE --tier vendor`,
    );
  throw new ImportRefused('bad-index', `${rest.name}: ${read.error.message}`);
}

/** What the signature of the index says of every package that it names. */
function vouchedBy(name: string, top: SignedTop, digest: Digest, keys: Keys): Attestation | null {
  if (!top.signedBy) return null;
  const { fingerprint } = top.signedBy;
  const key = keys.find(each => each.fingerprint === fingerprint);
  // Of a keyring, single keys can be removed; its text still holds them.
  if (!key)
    throw new ImportRefused(
      'bad-signature',
      `${name}: the key ${fingerprint} that signed its index was removed here: where it is to count, add it again (tidemark signatures key add FILE)`,
    );
  return { tier: key.tier, by: fingerprint, via: name, evidence: digest };
}

// -- what it has --------------------------------------------------------------------------------------------------------

async function choose(
  request: RepositoryRequest,
  top: SignedTop,
  dependencies: RepositoryDependencies,
): Promise<Selection> {
  const { name, kind, take, except } = request;
  const family = kind === 'apt' ? 'dpkg' : 'rpm';
  const fleet = await dependencies.installed(family);
  const installed = take.of === 'installed' ? fleet : null;
  if (installed?.versions.size === 0)
    throw new ImportRefused(
      'nothing-chosen',
      `${name}: no server has reported packages of ${family} yet, so none of its packages is wanted: connect agents, or name packages (--package NAME) or take all (--all)`,
    );
  const architectures = request.architectures ?? (fleet.architectures.length > 0 ? fleet.architectures : null);
  const lists =
    kind === 'apt' ? unwrap(chosenLists(top, { components: request.components, architectures }), name) : top.lists;
  const wanted = take.of === 'all' ? null : take.of === 'packages' ? [...take.names] : [...fleet.versions.keys()];
  const listed: IndexedPackage[] = [];
  for (const list of lists) listed.push(...(await listOf(request, list, wanted, dependencies)));
  const ofArchitecture = (each: IndexedPackage) =>
    request.architectures === null ||
    NEUTRAL.has(each.architecture) ||
    request.architectures.includes(each.architecture);
  const selection = selected(listed.filter(ofArchitecture), take, installed, except);
  const missing = take.of === 'packages' && take.names.find(each => !listed.some(({ product }) => product === each));
  if (missing) throw new ImportRefused('nothing-chosen', `${name}: it has no package ${missing}`);
  return selection;
}

const NEUTRAL = new Set(['all', 'noarch']);

async function listOf(
  { name, kind, suite }: RepositoryRequest,
  list: IndexedFile,
  wanted: string[] | null,
  { source, reader, signal }: RepositoryDependencies,
): Promise<IndexedPackage[]> {
  signal.throwIfAborted();
  const path = kind === 'apt' ? `${suiteDirectory(suite)}${list.path}` : list.path;
  if (list.bytes > MAX_LIST_BYTES)
    throw new ImportRefused('too-large', `${name}: ${path} has ${list.bytes} bytes, more than ${MAX_LIST_BYTES}`);
  const read = await source.read(path, list.bytes, async ({ file, bytes, digest }) => {
    if (bytes !== list.bytes || digest !== `sha256:${list.sha256}`)
      throw new ImportRefused(
        'damaged',
        `${name}: ${path} is not what the signed index says: ${bytes} bytes with ${digest}, ${list.bytes} with sha256:${list.sha256} were announced. Where the repository was being changed, try again`,
      );
    const reading = { kind: kind === 'apt' ? ('packages' as const) : ('primary' as const), wanted };
    const found = await reader.list({ ...reading, file, bytes, name: path });
    if (!found.ok) throw new ImportRefused('bad-index', `${name}: ${path}: ${found.error.message}`);
    return found.value;
  });
  if (read) return read;
  throw new ImportRefused('bad-index', `${name}: it has no ${path}, which its index names`);
}

/** For what is small. */
async function contentOf({ file }: { file: string }): Promise<Buffer> {
  return readFile(file);
}

function unwrap<T>(result: Result<T, SignatureError>, name?: string): T {
  if (result.ok) return result.value;
  throw new ImportRefused(
    result.error.code,
    name === undefined ? result.error.message : `${name}: ${result.error.message}`,
  );
}
