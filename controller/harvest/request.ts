import { z } from 'zod';
import { SOURCE_KINDS } from './harvested.ts';

/* What the controller and the process that reads packages say to each other: one JSON document each way. */

const SignedBy = z.object({ fingerprint: z.string(), name: z.string() });

export const PackageRequest = z.object({
  kind: z.literal('package'),
  name: z.string(),
  bytes: z.int(),
  said: z.object({
    product: z.string().nullable(),
    version: z.string().nullable(),
    architecture: z.string().nullable(),
    at: z.string().nullable(),
    directory: z.boolean(),
  }),
  /** Armored OpenPGP keys whose signatures count. */
  keys: z.array(z.string()),
});

export const KeyRequest = z.object({ kind: z.literal('key'), armored: z.string() });

/** What stands at the top of a repository: `release` of apt, `repomd` of rpm. */
const TopRequest = z.object({
  kind: z.enum(['release', 'repomd']),
  name: z.string(),
  bytes: z.int(),
  /** A detached signature, in base64. Null: a release has it in itself, a repomd has none. */
  signature: z.base64().nullable(),
  keys: z.array(z.string()),
});

/** A list of packages, whose digest was checked: `packages` of apt, `primary` of rpm. */
const ListRequest = z.object({
  kind: z.enum(['packages', 'primary']),
  name: z.string(),
  bytes: z.int(),
  /** Names of packages; null for all of them. */
  wanted: z.array(z.string()).nullable(),
});

export const Request = z.discriminatedUnion('kind', [PackageRequest, KeyRequest, TopRequest, ListRequest]);
export type Request = z.infer<typeof Request>;

export const PackageFound = z.object({
  source: z.enum(SOURCE_KINDS),
  product: z.string(),
  version: z.string(),
  architecture: z.string().nullable(),
  vendor: z.string().nullable(),
  /** Of the list of files, encoded and then base64. */
  list: z.base64(),
  files: z.int(),
  installedBytes: z.int(),
  /** Who signed the package itself; null where it carries no signature. */
  signedBy: SignedBy.nullable(),
  /** Why the signature that it carries does not count. */
  signatureProblem: z.string().nullable(),
});
export type PackageFound = z.infer<typeof PackageFound>;

export const KeysFound = z.array(SignedBy);

const IndexedFile = z.object({ path: z.string(), bytes: z.int(), sha256: z.string().regex(/^[0-9a-f]{64}$/) });

export const TopFound = z.object({
  name: z.string(),
  dated: z.int().nullable(),
  validUntil: z.int().nullable(),
  components: z.array(z.string()),
  architectures: z.array(z.string()),
  lists: z.array(IndexedFile),
  signedBy: SignedBy.nullable(),
});
export type TopFound = z.infer<typeof TopFound>;

export const PackagesListed = z.array(
  IndexedFile.extend({ product: z.string(), version: z.string(), architecture: z.string() }),
);

export const Answer = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), value: z.unknown() }),
  z.object({ ok: z.literal(false), code: z.string(), message: z.string() }),
]);
