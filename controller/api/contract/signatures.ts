import { z } from 'zod';
import { DigestParam, FileName, Instant, Name } from './common.ts';
import { route } from './route.ts';

export const Tier = z.enum(['vendor', 'repository', 'operator', 'peers', 'host']);
export const SourceKind = z.enum(['deb', 'rpm', 'zip', 'tar', 'oci', 'directory']);

/** A product version as one package has it, file by file. */
export const ProductSignature = z.object({
  id: z.int(),
  product: z.string(),
  version: z.string(),
  architecture: z.string().nullable(),
  source: SourceKind,
  vendor: z.string().nullable(),
  /** The best of its attestations. */
  tier: Tier,
  attestations: z.array(z.object({ tier: Tier, by: z.string(), via: z.string() })),
  /** Digest of the package. */
  package: z.string(),
  bytes: z.int(),
  files: z.int(),
  installedBytes: z.int(),
  importedBy: z.string(),
  importedAt: Instant,
});
export type ProductSignature = z.input<typeof ProductSignature>;

const ListedFile = z.object({
  /** As text; bytes that are none stand as \xHH. */
  path: z.string(),
  kind: z.enum(['file', 'directory', 'symlink', 'member']),
  flags: z.array(z.enum(['config', 'ghost', 'no-verify', 'doc', 'generated', 'missing-ok'])),
  mode: z.int().nullable(),
  owner: z.string().nullable(),
  group: z.string().nullable(),
  size: z.int(),
  sha256: z.string().nullable(),
  target: z.string().nullable(),
});
export type ListedFile = z.input<typeof ListedFile>;

export const VendorKey = z.object({
  fingerprint: z.string(),
  name: z.string(),
  tier: z.enum(['vendor', 'repository']),
  addedBy: z.string(),
  addedAt: Instant,
});
export type VendorKey = z.input<typeof VendorKey>;

/** Absolute, without `.` or `..` and without a slash at its end; `/` for the root. */
const Directory = z
  .string()
  .regex(/^\/$|^(\/(?!\.{1,2}(\/|$))[^/\p{Cc}]{1,255})+$/u, 'must be an absolute path without "." and ".."')
  .max(1_024);

const Fingerprint = z
  .string()
  .regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/, 'must be the fingerprint of a key: 40 or 64 hex digits');

export const signatureRoutes = {
  importPackage: route({
    method: 'POST',
    path: '/signatures/packages',
    role: 'operator',
    tag: 'signatures',
    summary: 'Learns the files of a package from its bytes, which are the body; the package is not kept',
    query: z.strictObject({
      name: FileName,
      digest: DigestParam,
      product: Name.optional(),
      version: Name.optional(),
      architecture: Name.optional(),
      at: Directory.optional(),
      /** The body is a tar archive of a directory that somebody keeps to compare with. */
      directory: z.enum(['true', 'false']).default('false'),
      /** What approvers say of it: an envelope (DSSE) as JSON, in base64url. */
      statement: z.string().max(16_384).optional(),
    }),
    bytes: true,
    status: 201,
    reply: z.object({ signature: ProductSignature, unchanged: z.boolean() }),
  }),
  listPackages: route({
    method: 'GET',
    path: '/signatures/packages',
    role: 'viewer',
    tag: 'signatures',
    summary: 'Product versions that are known file by file from their packages',
    reply: z.object({ signatures: z.array(ProductSignature) }),
  }),
  getPackage: route({
    method: 'GET',
    path: '/signatures/packages/:id',
    role: 'viewer',
    tag: 'signatures',
    summary: 'One of them, with some of its files in the order of their paths',
    params: z.strictObject({ id: z.coerce.number().int().min(1).max(2_147_483_647) }),
    query: z.strictObject({
      from: z.coerce.number().int().min(0).default(0),
      limit: z.coerce.number().int().min(0).max(10_000).default(1_000),
    }),
    reply: ProductSignature.extend({ listed: z.array(ListedFile) }),
  }),
  addVendorKeys: route({
    method: 'POST',
    path: '/signatures/keys',
    role: 'admin',
    tag: 'signatures',
    summary: 'Takes OpenPGP keys whose signatures on packages count from now on',
    body: z.strictObject({ armored: z.string().min(1).max(1_048_576), tier: z.enum(['vendor', 'repository']) }),
    status: 201,
    reply: z.object({ keys: z.array(VendorKey) }),
  }),
  listVendorKeys: route({
    method: 'GET',
    path: '/signatures/keys',
    role: 'viewer',
    tag: 'signatures',
    summary: 'OpenPGP keys whose signatures count',
    reply: z.object({ keys: z.array(VendorKey) }),
  }),
  removeVendorKey: route({
    method: 'DELETE',
    path: '/signatures/keys/:fingerprint',
    role: 'admin',
    tag: 'signatures',
    summary: 'Lets a key count no more; what it signed before stays known',
    params: z.strictObject({ fingerprint: Fingerprint }),
    reply: VendorKey,
  }),
};
