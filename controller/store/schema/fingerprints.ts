import { index, jsonb, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { at, bytea, createdAt } from './columns.ts';
import { hosts } from './identity.ts';
import { scanProfiles } from './scans.ts';

/* Trees of files, and what they are compared with. */

/** Nodes of all trees of the whole fleet, by content. */
export const nodes = pgTable('nodes', {
  id: bytea('id').primaryKey(),
  data: bytea('data').notNull(),
});

/** Nodes that no committed tree hangs on yet: what is below them may still be missing. All others are whole. */
export const unfinishedNodes = pgTable('unfinished_nodes', {
  id: bytea('id')
    .primaryKey()
    .references(() => nodes.id, { onDelete: 'cascade' }),
  createdAt: createdAt(),
});

export const fingerprints = pgTable(
  'fingerprints',
  {
    id: uuid('id').primaryKey(),
    hostId: uuid('host_id')
      .notNull()
      .references(() => hosts.id),
    /** The agent's own name for the scan: one that was committed and is sent again is known by it. */
    scan: text('scan').notNull(),
    profileDigest: text('profile_digest')
      .notNull()
      .references(() => scanProfiles.digest),
    softwareRoot: bytea('software_root').notNull(),
    configRoot: bytea('config_root').notNull(),
    coverage: jsonb('coverage').notNull(),
    startedAt: at('started_at').notNull(),
    finishedAt: at('finished_at').notNull(),
    createdAt: createdAt(),
  },
  table => [
    index('fingerprints_host').on(table.hostId, table.createdAt),
    uniqueIndex('fingerprints_scan').on(table.hostId, table.scan),
  ],
);

/** Fingerprints that are kept as references. */
export const baselines = pgTable('baselines', {
  name: text('name').primaryKey(),
  fingerprint: uuid('fingerprint')
    .notNull()
    .references(() => fingerprints.id),
  /** The signed statement about it, an envelope as JSON text. Believed only as far as its signatures count. */
  envelope: text('envelope').notNull(),
  createdBy: text('created_by').notNull(),
  createdAt: createdAt(),
});

/** Differences that somebody answers for, until a day. What a column leaves open holds for all. */
export const waivers = pgTable('waivers', {
  id: uuid('id').primaryKey(),
  host: text('host'),
  cluster: text('cluster'),
  product: text('product'),
  class: text('class'),
  /** Glob over absolute paths. */
  path: text('path').notNull(),
  reason: text('reason').notNull(),
  createdBy: text('created_by').notNull(),
  createdAt: createdAt(),
  expiresAt: at('expires_at').notNull(),
  /** Ended before it expired. */
  endedAt: at('ended_at'),
});
