import { integer, jsonb, pgTable, text } from 'drizzle-orm/pg-core';
import { createdAt } from './columns.ts';

/* What should be where. */

export const landscapes = pgTable('landscapes', {
  version: integer('version').primaryKey(),
  digest: text('digest').notNull(),
  document: jsonb('document').notNull(),
  importedBy: text('imported_by').notNull(),
  createdAt: createdAt(),
});
