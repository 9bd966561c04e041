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

export const Request = z.discriminatedUnion('kind', [PackageRequest, KeyRequest]);
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

export const Answer = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), value: z.unknown() }),
  z.object({ ok: z.literal(false), code: z.string(), message: z.string() }),
]);
