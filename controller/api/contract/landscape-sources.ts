import { z } from 'zod';
import { FileName, Instant } from './common.ts';
import { LandscapeImported } from './landscape.ts';
import { route } from './route.ts';

export const LandscapeSource = z.object({
  name: z.string(),
  kind: z.enum(['file', 'netbox', 'servicenow', 'http', 'ansible']),
  priority: z.int(),
  schedule: z.object({ cron: z.string(), timezone: z.string() }).nullable(),
  nextDueAt: Instant.nullable(),
  attemptedAt: Instant.nullable(),
  /** When it last gave something that was taken. */
  goodAt: Instant.nullable(),
  /** Why the last attempt came to nothing. */
  problem: z.string().nullable(),
  /** Why what it gave may no longer be so. */
  stale: z.string().nullable(),
  createdBy: z.string(),
  createdAt: Instant,
  /** As somebody wrote it: secrets are named in it, never written. */
  text: z.string(),
});
export type LandscapeSource = z.input<typeof LandscapeSource>;

const SourceImport = z.object({
  source: z.string(),
  at: Instant,
  by: z.string(),
  outcome: z.enum(['imported', 'unchanged', 'refused', 'failed']),
  version: z.int().nullable(),
  message: z.string(),
});
export type SourceImport = z.input<typeof SourceImport>;

const SourceName = z.strictObject({ name: z.string().min(1).max(63) });

export const landscapeSourceRoutes = {
  listLandscapeSources: route({
    method: 'GET',
    path: '/landscape/sources',
    role: 'viewer',
    tag: 'landscape',
    summary: 'Where the landscape is read from, and how that goes',
    reply: z.object({ sources: z.array(LandscapeSource) }),
  }),
  setLandscapeSource: route({
    method: 'POST',
    path: '/landscape/sources',
    role: 'admin',
    tag: 'landscape',
    summary:
      'Adds a source, or replaces the one of its name; it is read by its schedule, on demand and before each plan',
    body: z.strictObject({ text: z.string().max(256 * 1024), fileName: FileName }),
    status: 201,
    reply: z.object({ name: z.string(), nextDueAt: Instant.nullable() }),
  }),
  removeLandscapeSource: route({
    method: 'DELETE',
    path: '/landscape/sources/:name',
    role: 'admin',
    tag: 'landscape',
    summary: 'Removes a source and what it gave',
    params: SourceName,
    reply: z.object({ name: z.string() }),
  }),
  importLandscapeSource: route({
    method: 'POST',
    path: '/landscape/sources/:name/import',
    role: 'operator',
    tag: 'landscape',
    summary: 'Reads a source now, as a whole or not at all; or says what would come of it',
    params: SourceName,
    body: z.strictObject({
      preview: z.boolean().default(false),
      leaveOut: z.boolean().default(false),
      allowDrop: z.boolean().default(false),
    }),
    reply: LandscapeImported,
  }),
  listLandscapeImports: route({
    method: 'GET',
    path: '/landscape/imports',
    role: 'viewer',
    tag: 'landscape',
    summary: 'What came of reading sources and files, newest first',
    query: z.strictObject({ source: z.string().max(63).optional() }),
    reply: z.object({ imports: z.array(SourceImport) }),
  }),
};
