import { z } from 'zod';
import { FileName, Instant } from './common.ts';
import { route } from './route.ts';

/** 8 MiB: a landscape of 10,000 hosts is about 5 MB of YAML. */
export const MAX_LANDSCAPE_BYTES = 8 * 1024 * 1024;

const LandscapeHost = z.object({
  name: z.string(),
  application: z.string().nullable(),
  environment: z.string().nullable(),
  tags: z.array(z.string()),
  attributes: z.record(z.string(), z.unknown()),
  /** What other systems know it by. */
  ids: z.record(z.string(), z.string()).optional(),
  addresses: z.array(z.string()).optional(),
});

export const Component = z.object({
  name: z.string(),
  host: z.string(),
  application: z.string().nullable(),
  tier: z.string().nullable(),
  kind: z.string(),
  product: z.string().nullable(),
  home: z.string().nullable(),
});
export type Component = z.input<typeof Component>;

export const Cluster = z.object({ name: z.string(), members: z.array(z.string()) });
export type Cluster = z.input<typeof Cluster>;

const ComponentRef = z.object({ host: z.string(), name: z.string() });
const Dependency = z.object({ from: ComponentRef, kind: z.enum(['uses', 'runs-on', 'part-of']), to: ComponentRef });
const Application = z.object({
  name: z.string(),
  owner: z.string().nullable(),
  serviceLevel: z
    .object({
      /** Percent of a month. */
      availability: z.number().nullable(),
      hours: z.object({ days: z.array(z.string()), from: z.string(), to: z.string(), timezone: z.string() }).nullable(),
      penaltyClass: z.string().nullable(),
    })
    .nullable(),
});
const Contract = z.object({
  kind: z.enum(['licence', 'maintenance']),
  product: z.string().nullable(),
  host: z.string().nullable(),
  vendor: z.string().nullable(),
  number: z.string().nullable(),
  /** The last day. */
  ends: z.string(),
});
const OsSupport = z.object({ os: z.string(), release: z.string(), ends: z.string(), source: z.string() });

export const Landscape = z.object({
  version: z.int(),
  digest: z.string(),
  importedBy: z.string(),
  importedAt: Instant,
  hosts: z.array(LandscapeHost),
  components: z.array(Component),
  clusters: z.array(Cluster),
  dependencies: z.array(Dependency).optional(),
  applications: z.array(Application).optional(),
  contracts: z.array(Contract).optional(),
  osSupport: z.array(OsSupport).optional(),
});
export type Landscape = z.input<typeof Landscape>;

export const LandscapeChange = z.object({
  section: z.enum(['host', 'component', 'cluster', 'dependency', 'application', 'contract', 'os-support']),
  name: z.string(),
  change: z.enum(['added', 'removed', 'changed']),
  fields: z.array(z.object({ field: z.string(), before: z.unknown(), after: z.unknown() })),
});
export type LandscapeChange = z.input<typeof LandscapeChange>;

export const LandscapeConflict = z.object({
  kind: z.enum([
    'bad-record',
    'two-records',
    'contradiction',
    'unknown-host',
    'two-clusters',
    'unknown-component',
    'tier-order',
    'agent-without-record',
    'record-without-agent',
  ]),
  subject: z.string(),
  message: z.string(),
  /** Where the records stand that it is about. */
  origins: z.array(z.string()),
});
export type LandscapeConflict = z.input<typeof LandscapeConflict>;

/** Of long lists the first ones come; how many there are is said beside them. */
export const SHOWN_ENTRIES = 500;

export const LandscapeImported = z.object({
  version: z.int(),
  digest: z.string(),
  /** How many of each. */
  hosts: z.int(),
  components: z.int(),
  clusters: z.int(),
  /** True where it says what the controller knew already: no new version was made. */
  unchanged: z.boolean(),
  /** True where nothing was changed, and all of this is what would be. */
  preview: z.boolean(),
  changed: z.object({ added: z.int(), removed: z.int(), changed: z.int() }),
  changes: z.array(LandscapeChange),
  conflictCount: z.int(),
  conflicts: z.array(LandscapeConflict),
  /** Records that were taken for one host though they have other names, or come from other sources; and why. */
  matches: z.array(z.object({ host: z.string(), source: z.string(), name: z.string(), reason: z.string() })),
});
export type LandscapeImported = z.input<typeof LandscapeImported>;

const Version = z.coerce.number().int().min(1);

export const landscapeRoutes = {
  importLandscape: route({
    method: 'POST',
    path: '/landscape',
    role: 'operator',
    tag: 'landscape',
    summary: 'Replaces what a file said by what it says now, as a whole or not at all; or says what would come of it',
    body: z.strictObject({
      text: z.string().max(MAX_LANDSCAPE_BYTES),
      fileName: FileName,
      /** Which column is which field, for CSV and lists of JSON. */
      mapping: z
        .strictObject({ text: z.string().max(256 * 1024), fileName: FileName })
        .nullable()
        .default(null),
      /** Under which name it is kept beside other sources; null: `file`. */
      as: z.string().max(63).nullable().default(null),
      preview: z.boolean().default(false),
      /** Takes what is not in conflict. */
      leaveOut: z.boolean().default(false),
      /** Although much of what was there is gone. */
      allowDrop: z.boolean().default(false),
    }),
    reply: LandscapeImported,
  }),
  getLandscape: route({
    method: 'GET',
    path: '/landscape',
    role: 'viewer',
    tag: 'landscape',
    summary: 'The landscape as it is now, or as a version was',
    query: z.strictObject({ version: Version.optional() }),
    reply: Landscape,
  }),
  listLandscapeVersions: route({
    method: 'GET',
    path: '/landscape/versions',
    role: 'viewer',
    tag: 'landscape',
    summary: 'The versions that the landscape had, newest first',
    reply: z.object({
      versions: z.array(
        Landscape.pick({ version: true, digest: true, importedBy: true, importedAt: true }).extend({
          hosts: z.int(),
          components: z.int(),
          clusters: z.int(),
        }),
      ),
    }),
  }),
  diffLandscape: route({
    method: 'GET',
    path: '/landscape/diff',
    role: 'viewer',
    tag: 'landscape',
    summary: 'What is another between two versions',
    query: z.strictObject({ from: Version, to: Version }),
    reply: z.object({ changes: z.array(LandscapeChange) }),
  }),
  listLandscapeConflicts: route({
    method: 'GET',
    path: '/landscape/conflicts',
    role: 'viewer',
    tag: 'landscape',
    summary: 'What sources say that cannot all be so, and where agents and records do not meet',
    reply: z.object({ conflicts: z.array(LandscapeConflict) }),
  }),
  listComponents: route({
    method: 'GET',
    path: '/components',
    role: 'viewer',
    tag: 'landscape',
    summary: 'What runs on the hosts',
    reply: z.object({ components: z.array(Component) }),
  }),
  listClusters: route({
    method: 'GET',
    path: '/clusters',
    role: 'viewer',
    tag: 'landscape',
    summary: 'Hosts that cover for each other',
    reply: z.object({ clusters: z.array(Cluster) }),
  }),
};
