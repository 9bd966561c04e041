import { sql } from 'drizzle-orm';
import { bigserial, index, jsonb, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { at, bytea } from './columns.ts';
import { hosts } from './identity.ts';

/* What agents say of their hosts, in sections that are kept once for the whole fleet. */

/** Content by its digest: shared/inventory/section.ts. Never changed. */
export const sections = pgTable('sections', {
  digest: bytea('digest').primaryKey(),
  kind: text('kind').notNull(),
  content: jsonb('content').notNull(),
});

/** Which host had which content of a kind, and when; it is so now where `until` is null. */
export const hostSections = pgTable(
  'host_sections',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    hostId: uuid('host_id')
      .notNull()
      .references(() => hosts.id),
    kind: text('kind').notNull(),
    digest: bytea('digest')
      .notNull()
      .references(() => sections.digest),
    since: at('since').notNull(),
    until: at('until'),
  },
  table => [
    uniqueIndex('host_sections_current').on(table.hostId, table.kind).where(sql`${table.until} is null`),
    index('host_sections_kind').on(table.kind, table.digest).where(sql`${table.until} is null`),
    index('host_sections_history').on(table.hostId, table.since),
    index('host_sections_digest').on(table.digest),
    index('host_sections_until').on(table.until).where(sql`${table.until} is not null`),
  ],
);

/** The last look at each host. */
export const inventories = pgTable(
  'inventories',
  {
    hostId: uuid('host_id')
      .primaryKey()
      .references(() => hosts.id),
    /** Names all that is there now. */
    root: bytea('root').notNull(),
    observedAt: at('observed_at').notNull(),
    /** When something of it was other than before. */
    changedAt: at('changed_at').notNull(),
    /** What the agent told and is not kept, with the reason. */
    refused: jsonb('refused').$type<string[]>().notNull(),
  },
  table => [index('inventories_changed').on(table.changedAt)],
);
