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
import { at, bytea, createdAt } from './columns.ts';

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
  /** Frozen content: releases with product, version, artifact and sizes; packages with name, version and digest; advisories. */
  document: jsonb('document').notNull(),
  ring: text('ring')
    .notNull()
    .references(() => rings.name),
  ringSince: at('ring_since').notNull().defaultNow(),
  /** Who said it, why and when; null where nobody did. */
  held: jsonb('held'),
  withdrawn: jsonb('withdrawn'),
  createdBy: text('created_by').notNull(),
  createdAt: createdAt(),
});

/** Stages that bundles are promoted through. */
export const rings = pgTable('rings', {
  name: text('name').primaryKey(),
  position: integer('position').notNull(),
  /** What must be so before a bundle may enter it. */
  needs: jsonb('needs').notNull(),
});

/** Who signed that a bundle may go how far. */
export const bundleSignOffs = pgTable(
  'bundle_sign_offs',
  {
    bundle: text('bundle')
      .notNull()
      .references(() => bundles.name),
    ring: text('ring').notNull(),
    approver: text('approver').notNull(),
    /** DSSE, JSON text. */
    envelope: text('envelope').notNull(),
    createdAt: createdAt(),
  },
  table => [primaryKey({ columns: [table.bundle, table.ring, table.approver] })],
);
