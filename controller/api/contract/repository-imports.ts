import { z } from 'zod';
import { DigestParam, Instant } from './common.ts';
import { route } from './route.ts';
import { SourceKind, Tier } from './signatures.ts';

/** Without control characters: it stands in lists and in the log. */
const Text = z.string().regex(/^[^\p{Cc}]+$/u, 'must have no control characters');
const PackageName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,255}$/, 'must be the name of a package');
const PathName = Text.max(1_024);
/** A repository by HTTP: what a password in it would be is nobody's to read in lists. */
export const RepositoryUrl = z
  .string()
  .max(1_024)
  .refine(
    text => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
    'must be an address: http:// or https://',
  )
  .refine(text => {
    const { username, password, search, hash } = new URL(text);
    return `${username}${password}${search}${hash}` === '';
  }, 'must be an address without user, password, "?" or "#"');

const ImportedPackage = z.object({
  product: z.string(),
  version: z.string(),
  architecture: z.string().nullable(),
  source: SourceKind,
  files: z.int(),
  installedBytes: z.int(),
  tier: Tier,
  /** Digest of the package. */
  package: z.string(),
  bytes: z.int(),
  unchanged: z.boolean(),
});

const Imported = z.object({
  name: z.string(),
  /** What the repository calls itself. */
  title: z.string(),
  dated: Instant.nullable(),
  signedBy: z.object({ fingerprint: z.string(), name: z.string() }).nullable(),
  packages: z.array(ImportedPackage),
  /** `name version` of what the fleet has installed and the repository has not. */
  absent: z.array(z.string()),
});

/** An import of a repository while it goes on, and for a while after. */
const RepositoryImport = z.object({
  id: z.string(),
  name: z.string(),
  stage: z.enum(['index', 'packages', 'keeping']),
  packages: z.int(),
  done: z.int(),
  /** Grows with every change. */
  sequence: z.int(),
  /** Paths of files that whoever began it must give now. */
  wanted: z.array(z.string()),
  /** Null while it goes on, or where it was refused. */
  imported: Imported.nullable(),
  /** Why nothing was imported. */
  refused: z.object({ code: z.string(), message: z.string() }).nullable(),
});

const params = z.strictObject({ id: z.uuid() });
const MAX_WAIT_SECONDS = 20;

export const repositoryImportRoutes = {
  beginRepositoryImport: route({
    method: 'POST',
    path: '/signatures/imports',
    role: 'operator',
    tag: 'signatures',
    summary:
      'Begins to learn the packages of a repository, all that are chosen or none; it goes on while somebody looks',
    body: z.strictObject({
      from: z.discriminatedUnion('by', [
        z.strictObject({ by: z.literal('address'), url: RepositoryUrl }),
        /** Whoever begins it gives the files that are wanted. `name`: what memory of it is kept under. */
        z.strictObject({ by: z.literal('files'), name: PathName }),
      ]),
      kind: z.enum(['apt', 'rpm']),
      /** Of apt: a suite below `dists`, or a directory that ends with a slash; empty for rpm. */
      suite: z
        .string()
        .regex(/^$|^(?!\/)(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._~/-]*$|^\.\/$/, 'must be the name of a suite')
        .max(256),
      components: z.array(PathName).max(64).nullable(),
      architectures: z.array(PackageName).max(64).nullable(),
      take: z.discriminatedUnion('of', [
        /** Versions that agents report as installed. */
        z.strictObject({ of: z.literal('installed') }),
        z.strictObject({ of: z.literal('all') }),
        z.strictObject({ of: z.literal('packages'), names: z.array(PackageName).min(1).max(10_000) }),
      ]),
      /** Names of packages to leave out. */
      except: z.array(PackageName).max(10_000),
      /** The repository was put back: an index that is older than the one before is taken. */
      allowOlder: z.boolean(),
    }),
    status: 202,
    reply: RepositoryImport,
  }),
  getRepositoryImport: route({
    method: 'GET',
    path: '/signatures/imports/:id',
    role: 'operator',
    tag: 'signatures',
    summary: 'How far an import is; with `wait`, the answer comes when something has changed since or the time is over',
    params,
    query: z.strictObject({
      since: z.coerce.number().int().min(-1).default(-1),
      wait: z.coerce.number().min(0).max(MAX_WAIT_SECONDS).default(0),
    }),
    reply: RepositoryImport,
  }),
  giveRepositoryFile: route({
    method: 'POST',
    path: '/signatures/imports/:id/files',
    role: 'operator',
    tag: 'signatures',
    summary: 'Gives a file that an import wants, which is the body; comes back when it was read',
    params,
    query: z.strictObject({
      path: PathName,
      digest: DigestParam,
      /** The repository has none at this path; the body is empty. */
      missing: z.enum(['true', 'false']).default('false'),
    }),
    bytes: true,
    reply: RepositoryImport,
  }),
  endRepositoryImport: route({
    method: 'DELETE',
    path: '/signatures/imports/:id',
    role: 'operator',
    tag: 'signatures',
    summary: 'Ends an import; nothing of it is kept but what was read for the next attempt',
    params,
    reply: RepositoryImport,
  }),
};
