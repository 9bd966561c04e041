import { PackageArchitecture, PackageName, PackageVersion } from '@tidemark/shared/orders/kinds/package.ts';
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

export const Ring = z.enum(['test', 'inactive', 'active']);

/** A package of an operating system in exactly one version, and what its file must be where that is known. */
const BundlePackage = z.object({
  /** Of dpkg where it is not there. */
  family: z.enum(PACKAGE_FAMILIES).optional(),
  name: z.string(),
  version: z.string(),
  architecture: z.string().nullable(),
  /** Null: what the server's repositories say counts. */
  sha256: z.string().nullable(),
});

export const Bundle = z.object({
  name: z.string(),
  digest: z.string(),
  ring: Ring,
  releases: z.array(z.object({ product: z.string(), version: z.string(), artifact: z.string(), bytes: z.int() })),
  packages: z.array(BundlePackage),
  createdBy: z.string(),
  createdAt: Instant,
});
export type Bundle = z.input<typeof Bundle>;

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
      ring: Ring.default('test'),
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
          }),
        )
        .max(5_000)
        .default([]),
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
    body: z.strictObject({ to: Ring }),
    reply: Bundle,
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
