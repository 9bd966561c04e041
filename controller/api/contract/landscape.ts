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

export const Landscape = z.object({
  version: z.int(),
  digest: z.string(),
  importedBy: z.string(),
  importedAt: Instant,
  hosts: z.array(LandscapeHost),
  components: z.array(Component),
  clusters: z.array(Cluster),
});
export type Landscape = z.input<typeof Landscape>;

export const LandscapeImported = z.object({
  version: z.int(),
  digest: z.string(),
  /** How many of each. */
  hosts: z.int(),
  components: z.int(),
  clusters: z.int(),
  /** True where the file says what the controller knew already: no new version was made. */
  unchanged: z.boolean(),
});
export type LandscapeImported = z.input<typeof LandscapeImported>;

export const landscapeRoutes = {
  importLandscape: route({
    method: 'POST',
    path: '/landscape',
    role: 'operator',
    tag: 'landscape',
    summary: 'Replaces the landscape by the content of a file, as a whole or not at all',
    body: z.strictObject({ text: z.string().max(MAX_LANDSCAPE_BYTES), fileName: FileName }),
    reply: LandscapeImported,
  }),
  getLandscape: route({
    method: 'GET',
    path: '/landscape',
    role: 'viewer',
    tag: 'landscape',
    summary: 'The landscape as it is now',
    reply: Landscape,
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
