import { bigserial, index, integer, jsonb, pgTable, text } from 'drizzle-orm/pg-core';
import { at, createdAt } from './columns.ts';

/* What should be where. */

export const landscapes = pgTable('landscapes', {
  version: integer('version').primaryKey(),
  digest: text('digest').notNull(),
  document: jsonb('document').notNull(),
  importedBy: text('imported_by').notNull(),
  createdAt: createdAt(),
  /** How many hosts, components and clusters; null for versions of before they were counted. */
  counts: jsonb('counts'),
});

/** What each source gave last: together they are the landscape. */
export const landscapeContributions = pgTable('landscape_contributions', {
  source: text('source').primaryKey(),
  priority: integer('priority').notNull(),
  records: jsonb('records').notNull(),
});

/** What came of reading sources. */
export const landscapeImports = pgTable(
  'landscape_imports',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    source: text('source').notNull(),
    at: at('at').notNull(),
    by: text('by').notNull(),
    outcome: text('outcome', { enum: ['imported', 'unchanged', 'refused', 'failed'] }).notNull(),
    version: integer('version'),
    message: text('message').notNull(),
    conflicts: jsonb('conflicts').notNull(),
  },
  table => [index('landscape_imports_source').on(table.source, table.id)],
);

/** Where the landscape is read from. Secrets are named in it, never written. */
export const landscapeSources = pgTable('landscape_sources', {
  name: text('name').primaryKey(),
  text: text('text').notNull(),
  createdBy: text('created_by').notNull(),
  createdAt: createdAt(),
  nextDueAt: at('next_due_at'),
  attemptedAt: at('attempted_at'),
  goodAt: at('good_at'),
  problem: text('problem'),
});

/** What people said of dependencies that agents saw and nobody had written down. */
export const landscapeDecisions = pgTable('landscape_decisions', {
  id: text('id').primaryKey(),
  decision: text('decision', { enum: ['accepted', 'dismissed'] }).notNull(),
  from: text('from').notNull(),
  to: text('to').notNull(),
  by: text('by').notNull(),
  at: at('at').notNull(),
  reason: text('reason').notNull(),
});
