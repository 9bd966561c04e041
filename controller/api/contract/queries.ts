import { z } from 'zod';
import { HostName, Instant, Name } from './common.ts';
import { route } from './route.ts';

/** Longer ones nobody wrote. */
const Condition = z.string().min(1).max(20_000);
/** What stands in job names and messages. */
const Text = z.string().regex(/^[^\p{Cc}]*$/u, 'must have no control characters');

export const QueryPage = z.object({
  hosts: z.array(z.object({ name: z.string(), fields: z.record(z.string(), z.unknown()) })),
  /** Hosts among those that were looked at of which the answer is not known, with why. */
  unknown: z.array(z.object({ name: z.string(), why: z.array(z.string()) })),
  lookedAt: z.int(),
  /** Give it as `after` for the next page; null where there is none. */
  next: z.string().nullable(),
});
export type QueryPage = z.input<typeof QueryPage>;

export const SavedQuery = z.object({ name: z.string(), text: z.string(), savedBy: z.string(), savedAt: Instant });
export type SavedQuery = z.input<typeof SavedQuery>;

export const Group = z.object({
  name: z.string(),
  select: z.string(),
  /** 0 to 100: how much harm on its hosts weighs. */
  importance: z.int(),
  owner: z.string(),
  madeBy: z.string(),
  madeAt: Instant,
});
export type Group = z.input<typeof Group>;

/** Parts of a condition, each before those that it is made of. */
export const Explained = z.object({
  parts: z.array(
    z.object({
      /** How many parts it is inside of. */
      depth: z.int(),
      text: z.string(),
      /** Null: it cannot be known. */
      answer: z.boolean().nullable(),
      /** What holds the parts below it together; null for a question. */
      is: z.enum(['and', 'or', 'not', 'group']).nullable(),
      /** What was found, or why nothing was. */
      found: z.string(),
    }),
  ),
});
export type Explained = z.input<typeof Explained>;

export const GroupChange = z.object({
  group: z.string(),
  host: z.string(),
  was: z.boolean().nullable(),
  is: z.boolean().nullable(),
  because: z.string(),
  at: Instant,
});
export type GroupChange = z.input<typeof GroupChange>;

const name = z.strictObject({ name: Name });

export const queryRoutes = {
  queryHosts: route({
    method: 'POST',
    path: '/query',
    role: 'viewer',
    tag: 'queries',
    summary: 'Hosts for which a condition holds, by name, a page at a time',
    body: z.strictObject({
      /** CEL over `host`, or the name of a saved query after `@`. */
      text: Condition,
      fields: z.array(z.string().min(1).max(500)).max(50).default([]),
      after: HostName.nullable().default(null),
      limit: z.int().min(1).max(1_000).default(100),
    }),
    reply: QueryPage,
  }),
  explainQuery: route({
    method: 'POST',
    path: '/query/explain',
    role: 'viewer',
    tag: 'queries',
    summary: 'What each part of a condition comes to for one host',
    body: z.strictObject({ text: Condition, host: HostName }),
    reply: Explained,
  }),
  listQueries: route({
    method: 'GET',
    path: '/queries',
    role: 'viewer',
    tag: 'queries',
    summary: 'Saved queries',
    reply: z.object({ queries: z.array(SavedQuery) }),
  }),
  saveQuery: route({
    method: 'POST',
    path: '/queries',
    role: 'operator',
    tag: 'queries',
    summary: 'Saves a condition under a name, in the place of what was there',
    body: z.strictObject({ name: Name, text: Condition }),
    status: 201,
    reply: SavedQuery,
  }),
  removeQuery: route({
    method: 'DELETE',
    path: '/queries/:name',
    role: 'operator',
    tag: 'queries',
    summary: 'Forgets a saved query',
    params: name,
    reply: z.object({ name: z.string() }),
  }),
  listGroups: route({
    method: 'GET',
    path: '/groups',
    role: 'viewer',
    tag: 'queries',
    summary: 'Groups of hosts',
    reply: z.object({ groups: z.array(Group) }),
  }),
  keepGroup: route({
    method: 'POST',
    path: '/groups',
    role: 'operator',
    tag: 'queries',
    summary: 'Makes a group, or takes the place of the one of that name',
    body: z.strictObject({ name: Name, select: Condition, importance: z.int().min(0).max(100), owner: Text.max(128) }),
    status: 201,
    reply: Group,
  }),
  removeGroup: route({
    method: 'DELETE',
    path: '/groups/:name',
    role: 'operator',
    tag: 'queries',
    summary: 'Removes a group that no other is made of',
    params: name,
    reply: z.object({ name: z.string() }),
  }),
  explainGroup: route({
    method: 'GET',
    path: '/groups/:name/hosts/:host',
    role: 'viewer',
    tag: 'queries',
    summary: 'Why a host is in a group, or is not',
    params: z.strictObject({ name: Name, host: HostName }),
    reply: Explained,
  }),
  groupChanges: route({
    method: 'GET',
    path: '/groups/:name/changes',
    role: 'viewer',
    tag: 'queries',
    summary: 'Who came into a group and left it, newest first',
    params: name,
    query: z.strictObject({ host: HostName.optional(), limit: z.coerce.number().int().min(1).max(1_000).default(100) }),
    reply: z.object({ changes: z.array(GroupChange) }),
  }),
};
