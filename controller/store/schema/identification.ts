import { bigint, index, pgTable } from 'drizzle-orm/pg-core';
import { bytea } from './columns.ts';
import { nodes } from './fingerprints.ts';

/**
 * What the files below a directory are, added up (controller/identification/summary.ts): once for every host that has the
 * directory at this path. Nothing but an answer that can be found again; it goes with its nodes.
 */
export const directorySummaries = pgTable(
  'directory_summaries',
  {
    /** SHA-256 over both nodes and the path. */
    key: bytea('key').primaryKey(),
    software: bytea('software').references(() => nodes.id, { onDelete: 'cascade' }),
    config: bytea('config').references(() => nodes.id, { onDelete: 'cascade' }),
    /** Which signatures it rests on: another number, and it is out of date. */
    stamp: bigint('stamp', { mode: 'number' }).notNull(),
    data: bytea('data').notNull(),
  },
  table => [
    index('directory_summaries_software').on(table.software),
    index('directory_summaries_config').on(table.config),
  ],
);
