import { z } from 'zod';
import { HostName, Instant, Name } from './common.ts';
import { Landscape, LandscapeImported } from './landscape.ts';
import { route } from './route.ts';

const Affected = z.object({
  component: z.string(),
  host: z.string(),
  application: z.string().nullable(),
  /** What it needs, of that which stands still. */
  because: z.string(),
  kind: z.enum(['uses', 'runs-on', 'part-of']),
  /** 1 for what needs it itself. */
  distance: z.int(),
  /** The cluster whose other members can do the work meanwhile. */
  coveredBy: z.string().nullable(),
});

export const Impact = z.object({
  affected: z.array(Affected),
  applications: z.array(
    z.object({
      name: z.string(),
      owner: z.string().nullable(),
      availability: z.number().nullable(),
      penaltyClass: z.string().nullable(),
    }),
  ),
});
export type Impact = z.input<typeof Impact>;

export const Standing = z.object({
  host: z.string(),
  kind: z.enum(['licence', 'maintenance', 'os-support']),
  /** The product, or the release of the system. */
  about: z.string(),
  /** Null where there is none, or none that is known. */
  ends: Instant.nullable(),
  text: z.string(),
});
export type Standing = z.input<typeof Standing>;

const End = z.object({ host: z.string(), component: z.string().nullable(), process: z.string() });
export const Suggestion = z.object({
  id: z.string(),
  from: End,
  to: End.extend({ port: z.int() }),
  message: z.string(),
  decision: z
    .object({ decision: z.enum(['accepted', 'dismissed']), by: z.string(), at: Instant, reason: z.string() })
    .nullable(),
});
export type Suggestion = z.input<typeof Suggestion>;

/** One host for other systems to read: what the landscape and its agent say. Keys are added, never changed. */
const ExportedHost = z.object({
  name: z.string(),
  id: z.string().nullable(),
  state: z.string(),
  application: z.string().nullable(),
  environment: z.string().nullable(),
  tags: z.array(z.string()),
  attributes: z.record(z.string(), z.unknown()),
  components: z.array(z.string()),
  clusters: z.array(z.string()),
  lastSeenAt: Instant.nullable(),
  facts: z.record(z.string(), z.unknown()).nullable(),
  factsObservedAt: Instant.nullable(),
});

const SuggestionId = z.strictObject({ id: z.string().regex(/^[0-9a-f]{12}$/, 'must be the id of a suggestion') });
const reason = z.string().min(1, 'say why').max(1_024);

export const landscapeUseRoutes = {
  getImpact: route({
    method: 'GET',
    path: '/landscape/impact',
    role: 'viewer',
    tag: 'landscape',
    summary: 'What stands still with a host, or with one component of it',
    query: z.strictObject({ host: HostName, component: Name.optional() }),
    reply: Impact,
  }),
  listStandings: route({
    method: 'GET',
    path: '/landscape/standings',
    role: 'viewer',
    tag: 'landscape',
    summary: 'Licence and maintenance contracts of products, and support of systems, by host',
    query: z.strictObject({ host: HostName.optional() }),
    reply: z.object({ standings: z.array(Standing) }),
  }),
  listSuggestions: route({
    method: 'GET',
    path: '/landscape/suggestions',
    role: 'viewer',
    tag: 'landscape',
    summary: 'Connections between hosts that agents saw and no dependency says',
    query: z.strictObject({ dismissed: z.enum(['true', 'false']).default('false') }),
    reply: z.object({ suggestions: z.array(Suggestion) }),
  }),
  acceptSuggestion: route({
    method: 'POST',
    path: '/landscape/suggestions/:id/accept',
    role: 'operator',
    tag: 'landscape',
    summary: 'Makes a dependency of a suggestion',
    params: SuggestionId,
    body: z.strictObject({ from: Name.nullable().default(null), to: Name.nullable().default(null), reason }),
    reply: LandscapeImported,
  }),
  dismissSuggestion: route({
    method: 'POST',
    path: '/landscape/suggestions/:id/dismiss',
    role: 'operator',
    tag: 'landscape',
    summary: 'Says that a connection is no dependency',
    params: SuggestionId,
    body: z.strictObject({ reason }),
    reply: z.object({ id: z.string() }),
  }),
  exportAnsible: route({
    method: 'GET',
    path: '/export/ansible',
    role: 'viewer',
    tag: 'export',
    summary: 'The landscape as an inventory script of Ansible prints it for --list',
    reply: z.record(z.string(), z.unknown()),
  }),
  exportCsv: route({
    method: 'GET',
    path: '/export/csv',
    role: 'viewer',
    tag: 'export',
    summary: 'The hosts of the landscape as CSV; cells that a spreadsheet would take for formulas are quoted',
    reply: z.object({ text: z.string() }),
  }),
  exportHosts: route({
    method: 'GET',
    path: '/export/hosts',
    role: 'viewer',
    tag: 'export',
    summary: 'Hosts with what their agents found, in pages by name: for a CMDB that pulls',
    query: z.strictObject({
      /** The last name of the page before. */
      after: HostName.optional(),
      limit: z.coerce.number().int().min(1).max(500).default(100),
      facts: z.enum(['true', 'false']).default('true'),
    }),
    reply: z.object({
      format: z.literal('tidemark/export/v1'),
      landscape: Landscape.pick({ version: true, digest: true }).nullable(),
      hosts: z.array(ExportedHost),
      /** What `after` must be for the next page; null at the end. */
      next: z.string().nullable(),
    }),
  }),
};
