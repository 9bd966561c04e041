import { bigserial, boolean, index, integer, jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import { at, bytea, createdAt } from './columns.ts';
import { sections } from './inventory.ts';

/* Saved queries, groups and who is in them; and lists of packages in the form in which questions are asked of them. */

export const savedQueries = pgTable('saved_queries', {
  name: text('name').primaryKey(),
  text: text('text').notNull(),
  savedBy: text('saved_by').notNull(),
  savedAt: at('saved_at').notNull(),
});

export const groups = pgTable('groups', {
  name: text('name').primaryKey(),
  /** CEL over hosts. */
  select: text('select').notNull(),
  importance: integer('importance').notNull(),
  owner: text('owner').notNull(),
  madeBy: text('made_by').notNull(),
  madeAt: at('made_at').notNull(),
});

/** As they were judged last. Who is not in a group has no row. */
export const groupMembers = pgTable(
  'group_members',
  {
    group: text('group').notNull(),
    host: text('host').notNull(),
    /** False: it cannot be known. */
    isKnown: boolean('is_known').notNull(),
    since: at('since').notNull(),
  },
  table => [primaryKey({ columns: [table.group, table.host] })],
);

export const groupChanges = pgTable(
  'group_changes',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    group: text('group').notNull(),
    host: text('host').notNull(),
    /** Null: it could not be known. */
    was: boolean('was'),
    is: boolean('is'),
    because: text('because').notNull(),
    at: at('at').notNull(),
  },
  table => [
    index('group_changes_group').on(table.group, table.id),
    index('group_changes_host').on(table.host, table.id),
  ],
);

/** Every package that some host had, once, numbered from 0 without a gap. */
export const packageItems = pgTable('package_items', {
  number: integer('number').primaryKey(),
  /** SHA-256 of the item as the database writes it. */
  digest: bytea('digest').notNull().unique(),
  item: jsonb('item').notNull(),
  createdAt: createdAt(),
});

/** A section of packages as numbers of its items, four bytes each, the lowest first. */
export const packageSets = pgTable('package_sets', {
  digest: bytea('digest')
    .primaryKey()
    .references(() => sections.digest, { onDelete: 'cascade' }),
  numbers: bytea('numbers').notNull(),
});
