import { z } from 'zod';
import { HostName, Instant, Name } from './common.ts';
import { route } from './route.ts';
import { SourceKind, Tier } from './signatures.ts';

/* Which version of what is where, judged by files. Paths are text; bytes that are none stand as \xHH. */

const Count = z.int().min(0);

/** A product whose releases Tidemark installs, in the directory that the landscape names. */
const InstalledRelease = z.object({
  product: z.string(),
  home: z.string(),
  /** More than one where they cannot be told apart on disk; none where it is a mix or unknown. */
  versions: z.array(z.string()),
  complete: z.boolean(),
  /** `orders-web 1.4.1, complete` or `31 of 37 files of 1.4.1, 6 still 1.4.0`. */
  sentence: z.string(),
  /** Files that say otherwise, at most a few hundred. */
  exceptions: z.array(z.string()),
  /** Releases that lie beside the one in use. */
  retained: z.array(
    z.object({ directory: z.string(), versions: z.array(z.string()), complete: z.boolean(), sentence: z.string() }),
  ),
});

export const ProductState = z.enum(['complete', 'partial', 'contradicted', 'version-unknown', 'absent', 'left-behind']);

/** A product that is known from its packages. */
const IdentifiedProduct = z.object({
  product: z.string(),
  architecture: z.string().nullable(),
  source: SourceKind,
  state: ProductState,
  /** Those that fit completely, each with the best that vouches for it. */
  versions: z.array(z.object({ version: z.string(), tier: Tier })),
  /** What it is held against. */
  reference: z.string().nullable(),
  /** What the package database says; null where it has no such package, or was not told. */
  registered: z.string().nullable(),
  /** It is there, and the package database does not know it. */
  unregistered: z.boolean(),
  /** What the verdict rests on; null where nothing is known of the version. */
  tier: Tier.nullable(),
  matched: Count,
  total: Count,
  exceptions: z.array(
    z.object({
      path: z.string(),
      fate: z.enum(['as-in', 'left-over', 'missing', 'modified', 'unread']),
      /** The versions that it is of. */
      versions: z.array(z.string()),
    }),
  ),
  /** Files that somebody diverted: where they should be, and where they are. */
  diverted: z.array(z.object({ path: z.string(), to: z.string() })),
  sentence: z.string(),
});

/** How much of what can run is explained, and by what. Bytes. */
const Programs = z.object({
  files: Count,
  bytes: Count,
  explainedBytes: Count,
  byTier: z.record(Tier, Count),
  /** Scripts that are configuration and were edited: counted nowhere else. */
  configurationBytes: Count,
});

/** What must be started anew before what is on the disk is what runs. */
const Loaded = z.object({
  complete: z.boolean(),
  kernel: z.object({ running: z.string(), newest: z.string() }).nullable(),
  /** Why the server must be booted. */
  reboot: z.array(z.string()),
  restart: z.array(
    z.object({
      /** A unit of systemd, or a process that belongs to none. */
      unit: z.string(),
      processes: z.array(z.string()),
      files: z.array(z.string()),
      products: z.array(z.string()),
    }),
  ),
});

export const Identification = z.object({
  host: z.string(),
  fingerprint: z.string(),
  scannedAt: Instant,
  products: z.array(InstalledRelease),
  /** Versions that are known from packages. */
  libraryVersions: Count,
  programs: Programs,
  packages: z.array(IdentifiedProduct),
  /** Of the newest scan that looked where packages lie; it is about `packages`, `strays` and `edited`. */
  packagesScannedAt: Instant,
  /** Registered packages of which no signature is known. */
  unknown: z.array(z.object({ name: z.string(), version: z.string() })),
  /** Programs of no known content. `peers`: so many others have the same there, and most of them do. */
  strays: z.array(z.object({ path: z.string(), sha256: z.string(), bytes: Count, peers: Count })),
  /** Configuration that is not as its package brought it. */
  edited: z.array(z.string()),
  /** Files whose content is their package's, and whose mode, owner, group or capabilities are not: `4755 root:root`. */
  permissions: z.array(z.object({ path: z.string(), product: z.string(), expected: z.string(), found: z.string() })),
  /** There are more files than were listed. */
  truncated: z.boolean(),
  /** Null where its agent has not told what runs. */
  loaded: Loaded.nullable(),
});
export type Identification = z.input<typeof Identification>;

const VersionOnHost = z.object({
  host: z.string(),
  scannedAt: Instant,
  state: ProductState,
  /** More than one where they cannot be told apart. */
  versions: z.array(z.string()),
  registered: z.string().nullable(),
  tier: Tier.nullable(),
  sentence: z.string(),
});
export type VersionOnHost = z.input<typeof VersionOnHost>;

const Owner = z.object({
  product: z.string(),
  architecture: z.string().nullable(),
  /** With this very file. */
  versions: z.array(z.string()),
  source: SourceKind,
  tier: Tier,
  path: z.string(),
  /** Of a file whose content is known. */
  sha256: z.string().nullable(),
  /** Of a link. */
  target: z.string().nullable(),
  flags: z.array(z.string()),
});
export type Owner = z.input<typeof Owner>;

export const identificationRoutes = {
  identifyHost: route({
    method: 'GET',
    path: '/identify/:name',
    role: 'viewer',
    tag: 'fingerprints',
    summary: 'Which version of each product is on a host, whether all of it, and whether it is what runs',
    params: z.strictObject({ name: HostName }),
    reply: Identification,
  }),
  listVersions: route({
    method: 'GET',
    path: '/versions',
    role: 'viewer',
    tag: 'fingerprints',
    summary: 'Which version of a product is on which host, judged by its files; hosts without it are left out',
    query: z.strictObject({ product: Name }),
    reply: z.object({ product: z.string(), known: z.array(z.string()), hosts: z.array(VersionOnHost) }),
  }),
  listOwners: route({
    method: 'GET',
    path: '/owners',
    role: 'viewer',
    tag: 'signatures',
    summary: 'Which product versions have a file at a path, or a content; exactly one of the two is asked for',
    query: z
      .strictObject({
        path: z.string().min(2).max(8_192).startsWith('/').optional(),
        sha256: z
          .string()
          .regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits')
          .optional(),
      })
      .refine(({ path, sha256 }) => (path === undefined) !== (sha256 === undefined), {
        error: 'needs either a path or a sha256',
      }),
    reply: z.object({ owners: z.array(Owner) }),
  }),
};
