import {
  bigserial,
  boolean,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
} from 'drizzle-orm/pg-core';
import { at } from './columns.ts';

/* What vendors say of weak versions, and what is known of weaknesses being used. */

export const advisories = pgTable('advisories', {
  id: text('id').primaryKey(),
  format: text('format', { enum: ['osv', 'csaf'] }).notNull(),
  summary: text('summary').notNull(),
  /** CVSS base score; null where nobody gave one. */
  score: doublePrecision('score'),
  /** What the score comes from. */
  scoreFrom: text('score_from').notNull(),
  modifiedAt: at('modified_at').notNull(),
  withdrawnAt: at('withdrawn_at'),
  /** SHA-256 of what was read, hex: an import of the same changes nothing. */
  digest: text('digest').notNull(),
  import: integer('import').notNull(),
});

/** Its own name and all others, CVE numbers among them. */
export const advisoryNames = pgTable(
  'advisory_names',
  {
    name: text('name').notNull(),
    advisory: text('advisory')
      .notNull()
      .references(() => advisories.id, { onDelete: 'cascade' }),
  },
  table => [primaryKey({ columns: [table.name, table.advisory] }), index('advisory_names_advisory').on(table.advisory)],
);

/** Packages that it speaks of, by ecosystem and name of the source package or library. */
export const advisoryPackages = pgTable(
  'advisory_packages',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    ecosystem: text('ecosystem').notNull(),
    name: text('name').notNull(),
    advisory: text('advisory')
      .notNull()
      .references(() => advisories.id, { onDelete: 'cascade' }),
    /** Which order versions have, ranges and single versions. */
    affected: jsonb('affected').notNull(),
  },
  table => [
    index('advisory_packages_name').on(table.ecosystem, table.name),
    index('advisory_packages_advisory').on(table.advisory),
  ],
);

export const exploitation = pgTable('exploitation', {
  cve: text('cve').primaryKey(),
  /** A day, as the list has it; null where it is not on it. */
  knownSince: text('known_since'),
  ransomware: boolean('ransomware').notNull().default(false),
  /** 0 to 1; null where nobody says. */
  probability: doublePrecision('probability'),
});

export const advisoryImports = pgTable('advisory_imports', {
  number: integer('number').primaryKey(),
  source: text('source').notNull(),
  importedBy: text('imported_by').notNull(),
  importedAt: at('imported_at').notNull(),
  /** How many of each, and what was left out. */
  counts: jsonb('counts').notNull(),
});
