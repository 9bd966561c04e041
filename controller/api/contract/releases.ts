import { AdvisoryName, PackageSource } from '@tidemark/shared/orders/bundle.ts';
import { PackageArchitecture, PackageName, PackageVersion } from '@tidemark/shared/orders/kinds/package.ts';
import { Envelope } from '@tidemark/shared/signing/dsse.ts';
import { PACKAGE_FAMILIES } from '@tidemark/shared/versions/package-family.ts';
import { z } from 'zod';
import { DigestParam, FileName, Instant, Name } from './common.ts';
import { route } from './route.ts';

/** 2 GiB: larger releases are split by their vendors, and a disk must not fill by one request. */
export const MAX_ARCHIVE_BYTES = 2 * 1024 * 1024 * 1024;

export const Signature = z.object({
  product: z.string(),
  version: z.string(),
  /** Digest of the archive that it was harvested from. */
  artifact: z.string(),
  bytes: z.int(),
  unpackedBytes: z.int(),
  files: z.int(),
  tier: z.enum(['vendor', 'repository', 'operator', 'peers', 'host']),
  importedBy: z.string(),
  importedAt: Instant,
});
export type Signature = z.input<typeof Signature>;

export const SignatureImported = z.object({
  product: z.string(),
  version: z.string(),
  artifact: z.string(),
  bytes: z.int(),
  unpackedBytes: z.int(),
  files: z.int(),
  /** True where exactly this archive had been imported before. */
  unchanged: z.boolean(),
});
export type SignatureImported = z.input<typeof SignatureImported>;

/** A stage that bundles are promoted through; what must be so before one may enter it. */
export const Ring = z.object({
  name: z.string(),
  needs: z.object({
    /** In the ring before. */
    ageMs: z.int().nullable(),
    hosts: z.int().nullable(),
    /** 0 to 1. */
    successShare: z.number().nullable(),
    noOpenIncidents: z.boolean(),
    signOff: z.object({ from: z.array(z.string()).readonly(), need: z.int(), notAuthor: z.boolean() }).nullable(),
  }),
});
export type Ring = z.input<typeof Ring>;

const Word = z.object({ by: z.string(), reason: z.string(), at: Instant }).nullable();
const Reason = z.string().min(1).max(1_000);

/** A package of an operating system in exactly one version, and what its file must be where that is known. */
const BundlePackage = z.object({
  /** Of dpkg where it is not there. */
  family: z.enum(PACKAGE_FAMILIES).optional(),
  name: z.string(),
  version: z.string(),
  architecture: z.string().nullable(),
  /** Null: what the server's repositories say counts. */
  sha256: z.string().nullable(),
  /** Where it comes from: the repository that it was found in, or who made it. */
  source: z.string().optional(),
  /** What it answers, where somebody said so of it alone. */
  advisories: z.array(z.string()).optional(),
});

export const Bundle = z.object({
  name: z.string(),
  digest: z.string(),
  ring: z.string(),
  ringSince: Instant,
  releases: z.array(z.object({ product: z.string(), version: z.string(), artifact: z.string(), bytes: z.int() })),
  packages: z.array(BundlePackage),
  /** All that it answers, `DSA-5678-1`, with what its packages answer. */
  advisories: z.array(z.string()),
  /** Nothing new begins with it; null where it may. */
  held: Word,
  withdrawn: Word,
  createdBy: z.string(),
  createdAt: Instant,
});
export type Bundle = z.input<typeof Bundle>;

/** What a bundle needs to enter the ring that comes next. */
export const BundleOutlook = z.object({
  bundle: Bundle,
  /** Null in the last ring. */
  next: z
    .object({
      ring: z.string(),
      needs: z.array(
        z.object({
          need: z.enum(['age', 'hosts', 'success', 'incidents', 'sign-off']),
          met: z.boolean(),
          /** What is wanted and what there is. */
          text: z.string(),
        }),
      ),
    })
    .nullable(),
});
export type BundleOutlook = z.input<typeof BundleOutlook>;

/** Which bundle is where, by what is on the servers. */
export const Rollout = z.object({
  /** Oldest first. */
  bundles: z.array(z.object({ name: z.string(), ring: z.string(), createdAt: Instant, held: Word, withdrawn: Word })),
  cells: z.array(
    z.object({
      bundle: z.string(),
      host: z.string(),
      cluster: z.string().nullable(),
      /** `overtaken`: what concerns the server is as the bundle brings it, or newer. */
      state: z.enum(['deployed', 'overtaken', 'partly', 'missing']),
      /** Of the products that it has at all, how many are as the bundle brings them. */
      there: z.int(),
      of: z.int(),
      lacks: z.array(z.string()),
      /** Advisories of those of its packages that are not there as the bundle brings them. */
      unanswered: z.array(z.string()),
      /** False where only the package database says so: no file of these products is known. */
      byFiles: z.boolean(),
    }),
  ),
  /** Servers that lack an older bundle and have a newer one. */
  passedOver: z.array(
    z.object({ host: z.string(), bundle: z.string(), newer: z.string(), lacks: z.array(z.string()) }),
  ),
});
export type Rollout = z.input<typeof Rollout>;

export const releaseRoutes = {
  importSignature: route({
    method: 'POST',
    path: '/signatures',
    role: 'operator',
    tag: 'releases',
    summary: 'Takes the archive of a release, keeps it and learns its files; the body is the archive itself',
    query: z.strictObject({
      name: FileName,
      product: Name.optional(),
      version: Name.optional(),
      /** SHA-256 of the whole body: what arrives as something else is refused. */
      digest: DigestParam,
    }),
    bytes: true,
    status: 201,
    reply: SignatureImported,
  }),
  listSignatures: route({
    method: 'GET',
    path: '/signatures',
    role: 'viewer',
    tag: 'releases',
    summary: 'Product versions that are known file by file',
    reply: z.object({ signatures: z.array(Signature) }),
  }),
  createBundle: route({
    method: 'POST',
    path: '/bundles',
    role: 'operator',
    tag: 'releases',
    summary: 'Freezes a set of releases and packages under a name',
    body: z.strictObject({
      name: Name,
      /** The first one where it is left out. */
      ring: Name.optional(),
      releases: z
        .array(z.strictObject({ product: Name, version: Name }))
        .max(1_000)
        .default([]),
      /** Packages of operating systems, from the repositories that the servers know. */
      packages: z
        .array(
          z.strictObject({
            /** Servers whose packages are of another family do not get it. */
            family: z.enum(PACKAGE_FAMILIES).default('dpkg'),
            name: PackageName,
            version: PackageVersion,
            architecture: PackageArchitecture.nullable().default(null),
            /** Of the package's file: checked on each server before it is used. */
            sha256: DigestParam.nullable().default(null),
            /** Where it comes from; filled in where its file is known here. */
            source: PackageSource.optional(),
            /** What it answers. */
            advisories: z.array(AdvisoryName).min(1).max(1_000).optional(),
          }),
        )
        .max(5_000)
        .default([]),
      /** What it answers, as those who publish advisories call them. */
      advisories: z.array(AdvisoryName).max(1_000).default([]),
      /** A file that says more of all three. */
      manifest: z.strictObject({ text: z.string().max(2_000_000), fileName: FileName }).optional(),
    }),
    status: 201,
    reply: Bundle,
  }),
  listBundles: route({
    method: 'GET',
    path: '/bundles',
    role: 'viewer',
    tag: 'releases',
    summary: 'Frozen sets of patches',
    reply: z.object({ bundles: z.array(Bundle) }),
  }),
  promoteBundle: route({
    method: 'POST',
    path: '/bundles/:name/promotions',
    role: 'operator',
    tag: 'releases',
    summary: 'Promotes a bundle to a ring: policies that go by rings take it from then on',
    params: z.strictObject({ name: Name }),
    body: z.strictObject({
      to: Name,
      /** Why it goes without the age and the numbers that the ring needs. */
      expedite: Reason.optional(),
    }),
    reply: z.object({
      bundle: Bundle,
      /** What it went without, and which older bundles it overtakes. */
      warnings: z.array(z.string()),
    }),
  }),
  holdBundle: route({
    method: 'POST',
    path: '/bundles/:name/hold',
    role: 'operator',
    tag: 'releases',
    summary: 'Keeps anything new from beginning with a bundle: plans, runs and promotions',
    params: z.strictObject({ name: Name }),
    body: z.strictObject({ reason: Reason }),
    reply: Bundle,
  }),
  releaseBundle: route({
    method: 'POST',
    path: '/bundles/:name/release',
    role: 'operator',
    tag: 'releases',
    summary: 'Ends a hold',
    params: z.strictObject({ name: Name }),
    body: z.strictObject({ reason: Reason }),
    reply: Bundle,
  }),
  withdrawBundle: route({
    method: 'POST',
    path: '/bundles/:name/withdrawal',
    role: 'operator',
    tag: 'releases',
    summary: 'Ends a bundle: nothing new begins with it ever again',
    params: z.strictObject({ name: Name }),
    body: z.strictObject({ reason: Reason }),
    reply: Bundle,
  }),
  signOffBundle: route({
    method: 'POST',
    path: '/bundles/:name/sign-offs',
    role: 'approver',
    tag: 'releases',
    summary: 'Takes a signature that a bundle may enter a ring',
    params: z.strictObject({ name: Name }),
    body: Envelope,
    reply: Bundle,
  }),
  getBundleOutlook: route({
    method: 'GET',
    path: '/bundles/:name/outlook',
    role: 'viewer',
    tag: 'releases',
    summary: 'What a bundle needs to go on',
    params: z.strictObject({ name: Name }),
    reply: BundleOutlook,
  }),
  listRings: route({
    method: 'GET',
    path: '/rings',
    role: 'viewer',
    tag: 'releases',
    summary: 'The stages that bundles are promoted through, in their order',
    reply: z.object({ rings: z.array(Ring) }),
  }),
  setRings: route({
    method: 'POST',
    path: '/rings',
    role: 'admin',
    tag: 'releases',
    summary: 'Replaces the rings by those of a file, as a whole or not at all',
    body: z.strictObject({ text: z.string().max(1_000_000), fileName: FileName }),
    reply: z.object({ rings: z.array(Ring) }),
  }),
  getRollout: route({
    method: 'GET',
    path: '/rollout',
    role: 'viewer',
    tag: 'releases',
    summary: 'Which bundle is where, judged by files where they are known and by package databases elsewhere',
    query: z.strictObject({
      /** Names with commas between them; the newest that were not withdrawn where it is left out. */
      bundles: z.string().max(10_000).optional(),
    }),
    reply: Rollout,
  }),
  getBundle: route({
    method: 'GET',
    path: '/bundles/:name',
    role: 'viewer',
    tag: 'releases',
    summary: 'One bundle',
    params: z.strictObject({ name: Name }),
    reply: Bundle,
  }),
};
