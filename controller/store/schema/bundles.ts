import {
  bigint,
  boolean,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { bytea, createdAt } from './columns.ts';

/* Patches, and the files that they are made of. */

export const artifacts = pgTable('artifacts', {
  digest: text('digest').primaryKey(),
  name: text('name').notNull(),
  bytes: bigint('bytes', { mode: 'number' }).notNull(),
  createdAt: createdAt(),
});

/** One version of a product, known file by file. */
export const signatures = pgTable(
  'signatures',
  {
    id: uuid('id').primaryKey(),
    product: text('product').notNull(),
    version: text('version').notNull(),
    artifact: text('artifact')
      .notNull()
      .references(() => artifacts.digest),
    /** What the knowledge rests on. */
    tier: text('tier', { enum: ['vendor', 'repository', 'operator', 'peers', 'host'] }).notNull(),
    unpackedBytes: bigint('unpacked_bytes', { mode: 'number' }).notNull(),
    fileCount: integer('file_count').notNull(),
    importedBy: text('imported_by').notNull(),
    createdAt: createdAt(),
  },
  table => [uniqueIndex('signatures_release').on(table.product, table.version)],
);

export const signatureFiles = pgTable(
  'signature_files',
  {
    signature: uuid('signature')
      .notNull()
      .references(() => signatures.id, { onDelete: 'cascade' }),
    /** Relative to the product's home: bytes, since file names are bytes. */
    path: bytea('path').notNull(),
    kind: text('kind', { enum: ['file', 'symlink'] }).notNull(),
    digest: bytea('digest').notNull(),
    size: bigint('size', { mode: 'number' }).notNull(),
    executable: boolean('executable').notNull(),
  },
  table => [primaryKey({ columns: [table.signature, table.path] }), index('signature_files_digest').on(table.digest)],
);

export const bundles = pgTable('bundles', {
  name: text('name').primaryKey(),
  digest: text('digest').notNull(),
  /** Frozen content: releases with product, version, artifact and sizes; packages with name, version and digest. */
  document: jsonb('document').notNull(),
  ring: text('ring', { enum: ['test', 'inactive', 'active'] }).notNull(),
  createdBy: text('created_by').notNull(),
  createdAt: createdAt(),
});
