import { ArchiveProblem } from '@tidemark/shared/archive/read.ts';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import { type Digest, digestFromBytes, shortDigest } from '@tidemark/shared/base/digest.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { bundleDigest, FrozenPackage } from '@tidemark/shared/orders/bundle.ts';
import { familyOf } from '@tidemark/shared/orders/kinds/package.ts';
import type { BundleError, BundleErrorCode } from './errors.ts';
import { frozen } from './freezing.ts';
import { type Harvest, harvestArchive } from './harvest.ts';
import { readManifest } from './manifest.ts';
import type { ArtifactFiles, Bundle, BundleStore, PromotionSources, Release } from './ports.ts';
import { createPromotions } from './promoting.ts';
import { releaseOf } from './release-name.ts';
import { needsNothing, type Ring, ringNamed } from './rings.ts';

export interface ImportedRelease {
  product: string;
  version: string;
  artifact: string;
  bytes: number;
  unpackedBytes: number;
  files: number;
  /** Exactly this archive had been imported before. */
  unchanged: boolean;
}

export interface BundlesOptions {
  store: BundleStore;
  files: ArtifactFiles;
  sources: PromotionSources;
  clock: Clock;
}

export function createBundles({ store, files, sources, clock }: BundlesOptions) {
  return {
    /**
     * Learns a release from its archive and keeps the archive. `file` is moved away where it is taken, and left alone
     * where it is not. The same archive again changes nothing, but that it mends a kept one that is damaged; another archive for the same version is refused, since
     * what "1.4.1" means must not depend on when somebody asked.
     */
    async importRelease(input: {
      file: string;
      /** What the archive was called where it came from. */
      name: string;
      product?: string;
      version?: string;
      by: string;
    }): Promise<Result<ImportedRelease, BundleError>> {
      const named = releaseOf(input.name, input);
      if (!named.ok) return refuse('bad-name', named.error);
      const { product, version } = named.value;
      const harvested = await harvest(input.file, named.value);
      if (!harvested.ok) return harvested;
      const { bytes, unpackedBytes, files: found } = harvested.value;
      const digest = digestFromBytes(harvested.value.digest);
      const imported = { product, version, artifact: digest, bytes, unpackedBytes, files: found.length };
      return store.transaction(async transaction => {
        const known = await transaction.releaseLocked(product, version);
        if (known && known.artifact.digest !== digest) {
          return refuse(
            'release-differs',
            `${product} ${version} is known from another archive (${shortDigest(known.artifact.digest)}, this one is ` +
              `${shortDigest(digest)}): a version means one set of files; give the new one a version of its own`,
          );
        }
        // The archive first: a signature without its archive could be planned and then not be installed.
        const placed = await adopt(files, input.file, digest);
        if (!placed.ok) return refuse('no-space', `${product} ${version}: ${placed.error}`);
        if (known) {
          if (placed.value) {
            await transaction.audit({
              actor: input.by,
              action: 'signature.archive-mended',
              subject: `${product} ${version}`,
              detail: { artifact: digest, bytes },
            });
          }
          return ok({ ...imported, unchanged: true });
        }
        const release: Release = {
          product,
          version,
          artifact: { name: input.name, digest, bytes },
          unpackedBytes,
          fileCount: found.length,
          // An operator vouches for it by importing it; vendors' own signatures are a tier above.
          tier: 'operator',
          importedBy: input.by,
          importedAt: clock.now(),
        };
        await transaction.addRelease(release, found);
        await transaction.audit({
          actor: input.by,
          action: 'signature.imported',
          subject: `${product} ${version}`,
          detail: { artifact: digest, files: found.length, bytes },
        });
        return ok({ ...imported, unchanged: false });
      });
    },

    /**
     * Freezes releases and packages under a name, with what their files say here of digest and source. The same content under
     * the same name again changes nothing.
     */
    async createBundle(input: {
      name: string;
      releases: readonly { product: string; version: string }[];
      packages?: readonly FrozenPackage[];
      advisories?: readonly string[];
      /** More of all three, from a file. */
      manifest?: { text: string; fileName: string };
      /** Null: the first one. */
      ring: string | null;
      by: string;
    }): Promise<Result<Bundle, BundleError>> {
      const read = input.manifest ? readManifest(input.manifest.text, input.manifest.fileName) : null;
      if (read && !read.ok) {
        const [first] = read.error;
        const more = read.error.length > 1 ? ` (and ${read.error.length - 1} more)` : '';
        const message = `${input.manifest?.fileName} has errors, and no bundle was made: ${first?.message}${more}`;
        return err({ code: 'bundle-invalid', message, details: read.error });
      }
      const wanted = [...input.releases, ...(read?.value.releases ?? [])];
      const asked = [...(input.packages ?? []), ...(read?.value.packages ?? [])].map(plainly).sort(byPackage);
      const problem = problemWith(wanted, asked);
      if (problem) return refuse('bundle-invalid', `bundle ${input.name}: ${problem}`);
      const known = asked.length === 0 ? [] : await sources.knownPackages(asked.map(({ name }) => name));
      const packages = asked.map(each => frozen(each, known));
      const answers = asked.flatMap(each => each.advisories ?? []);
      const advisories = [
        ...new Set([...(input.advisories ?? []), ...(read?.value.advisories ?? []), ...answers]),
      ].sort();
      return store.transaction(async transaction => {
        const rings = await transaction.ringsLocked();
        const at = input.ring === null ? ok(0) : ringNamed(rings, input.ring);
        if (!at.ok) return refuse('ring-unknown', at.error);
        const passed = rings.slice(0, at.value + 1).find(ring => !needsNothing(ring));
        if (passed) {
          return refuse(
            'promotion-not-now',
            `bundle ${input.name} cannot be made in the ring ${input.ring}: ${passed.name} has needs; make it in ${rings[0]?.name} and promote it`,
          );
        }
        const releases: Bundle['releases'] = [];
        for (const { product, version } of wanted) {
          const release = await transaction.releaseLocked(product, version);
          if (!release) {
            return refuse(
              'release-unknown',
              `bundle ${input.name}: ${product} ${version} is not known: import its archive first (tidemark signatures import)`,
            );
          }
          releases.push({ product, version, artifact: release.artifact.digest, bytes: release.artifact.bytes });
        }
        releases.sort((a, b) => (a.product < b.product ? -1 : 1));
        const digest = bundleDigest({ name: input.name, releases, packages, advisories });
        const askedFor = bundleDigest({ name: input.name, releases, packages: asked, advisories });
        const before = await transaction.bundle(input.name);
        if (before && (before.digest === digest || before.asked === askedFor)) return ok(before);
        if (before) {
          return refuse(
            'bundle-exists',
            `there is a bundle ${input.name} with other content (${shortDigest(before.digest)}): a bundle never changes; choose another name`,
          );
        }
        const { name, by } = input;
        const now = clock.now();
        const ring = (rings[at.value] as Ring).name;
        const bundle: Bundle = {
          ...{ name, digest, asked: askedFor, ring, ringSince: now, releases, packages, advisories },
          ...{ held: null, withdrawn: null, createdBy: by, createdAt: now },
        };
        await transaction.addBundle(bundle);
        await transaction.audit({ actor: by, action: 'bundle.created', subject: name, detail: { digest, ring } });
        return ok(bundle);
      });
    },

    ...createPromotions({ store, sources, clock }),

    releases: (): Promise<Release[]> => store.releases(),
    list: (): Promise<Bundle[]> => store.bundles(),
    /** Null where there is none of the name. */
    bundle: (name: string): Promise<Bundle | null> => store.bundle(name),
  };
}

/** Keeps the archive: whether it was not there (whole) before, or why there is no room for it. */
async function adopt(files: ArtifactFiles, file: string, digest: Digest): Promise<Result<boolean, string>> {
  try {
    return ok(await files.adopt(file, digest));
  } catch (error) {
    if (!NO_ROOM.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return err(
      'the controller has no space left to keep the archive; free some in its state directory and import it again',
    );
  }
}

/** The disk, or the share of it that this user may have, is full. */
const NO_ROOM = new Set(['ENOSPC', 'EDQUOT']);

async function harvest(
  file: string,
  release: { product: string; version: string },
): Promise<Result<Harvest, BundleError>> {
  try {
    const harvested = await harvestArchive(file, release);
    return harvested.files.length > 0 ? ok(harvested) : refuse('bad-archive', 'the archive holds no file');
  } catch (error) {
    if (error instanceof ArchiveProblem) {
      return refuse(
        'bad-archive',
        `${release.product} ${release.version}: ${error.message}; build or fetch the archive anew`,
      );
    }
    throw error;
  }
}

function problemWith(
  releases: readonly { product: string; version: string }[],
  packages: readonly FrozenPackage[],
): string | null {
  if (releases.length + packages.length === 0) return 'it must hold a release or a package';
  const seen = new Set<string>();
  for (const { product } of releases) {
    if (seen.has(product)) return `it names ${product} twice: one version of a product a bundle`;
    seen.add(product);
  }
  const keys = new Set<string>();
  for (const exact of packages) {
    // Whoever calls: what is frozen here becomes an argument of a package manager some day.
    const parsed = FrozenPackage.safeParse(exact);
    if (!parsed.success) return `package ${JSON.stringify(exact.name)}: ${parsed.error.issues[0]?.message}`;
    if (keys.has(packageKey(exact)))
      return `it names package ${packageKey(exact)} twice: one version of a package a bundle`;
    keys.add(packageKey(exact));
  }
  return null;
}

/** Bundles for Debian have the digest that they had before there were other families. */
function plainly({ family, ...exact }: FrozenPackage): FrozenPackage {
  return family === undefined || family === 'dpkg' ? exact : { ...exact, family };
}

function packageKey(exact: FrozenPackage): string {
  const { name, architecture } = exact;
  const family = familyOf(exact) === 'dpkg' ? '' : `${familyOf(exact)}/`;
  return `${family}${name}${architecture === null ? '' : `:${architecture}`}`;
}

const byPackage = (a: FrozenPackage, b: FrozenPackage): number => (packageKey(a) < packageKey(b) ? -1 : 1);

const refuse = (code: BundleErrorCode, message: string) => err({ code, message });
