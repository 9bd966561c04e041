import { integer, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { at, createdAt } from './columns.ts';
import { hosts } from './identity.ts';

/* What is where, and what agents say of it. */

export const landscapes = pgTable('landscapes', {
  version: integer('version').primaryKey(),
  digest: text('digest').notNull(),
  document: jsonb('document').notNull(),
  importedBy: text('imported_by').notNull(),
  createdAt: createdAt(),
});

export const facts = pgTable('facts', {
  hostId: uuid('host_id')
    .primaryKey()
    .references(() => hosts.id),
  facts: jsonb('facts').notNull(),
  observedAt: at('observed_at').notNull(),
});
