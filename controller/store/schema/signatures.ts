import { bigint, index, integer, pgTable, primaryKey, serial, text, uniqueIndex } from 'drizzle-orm/pg-core';
import { at, bytea, createdAt } from './columns.ts';

/*
 * Product versions that are known file by file from their packages. A list of files is kept once, by content, however many
 * packages have it; who owns a content or a path is found by eight bytes of its digest, and then in the list itself. So a
 * file costs its digest in a list and two entries of twelve bytes, and not a row of text.
 */

export const fileLists = pgTable('file_lists', {
  id: serial('id').primaryKey(),
  /** SHA-256 of the encoding (controller/harvest/file-list.ts). */
  digest: bytea('digest').notNull().unique(),
  files: integer('files').notNull(),
  installedBytes: bigint('installed_bytes', { mode: 'number' }).notNull(),
  /** The encoding, compressed by zstd. */
  data: bytea('data').notNull(),
});

/** First eight bytes of a file's SHA-256 -> lists that have it. Empty files and directories are not worth asking for. */
export const contentOwners = pgTable(
  'content_owners',
  {
    key: bigint('key', { mode: 'bigint' }).notNull(),
    list: integer('list')
      .notNull()
      .references(() => fileLists.id, { onDelete: 'cascade' }),
  },
  table => [primaryKey({ columns: [table.key, table.list] })],
);

/** First eight bytes of a path's SHA-256 -> lists that have a file or link there. */
export const pathOwners = pgTable(
  'path_owners',
  {
    key: bigint('key', { mode: 'bigint' }).notNull(),
    list: integer('list')
      .notNull()
      .references(() => fileLists.id, { onDelete: 'cascade' }),
  },
  table => [primaryKey({ columns: [table.key, table.list] })],
);

export const productSignatures = pgTable(
  'product_signatures',
  {
    id: serial('id').primaryKey(),
    product: text('product').notNull(),
    version: text('version').notNull(),
    /** Empty where the format knows none. */
    architecture: text('architecture').notNull(),
    source: text('source', { enum: ['deb', 'rpm', 'zip', 'tar', 'oci', 'directory'] }).notNull(),
    vendor: text('vendor'),
    /** SHA-256 of the package. */
    packageDigest: text('package_digest').notNull(),
    packageBytes: bigint('package_bytes', { mode: 'number' }).notNull(),
    list: integer('list')
      .notNull()
      .references(() => fileLists.id),
    importedBy: text('imported_by').notNull(),
    createdAt: createdAt(),
  },
  table => [
    uniqueIndex('product_signatures_identity').on(
      table.product,
      table.version,
      table.architecture,
      table.source,
      table.packageDigest,
      table.list,
    ),
    index('product_signatures_list').on(table.list),
  ],
);

/** What a signature rests on. One package may be vouched for in several ways; the strongest counts. */
export const attestations = pgTable(
  'attestations',
  {
    signature: integer('signature')
      .notNull()
      .references(() => productSignatures.id, { onDelete: 'cascade' }),
    tier: text('tier', { enum: ['vendor', 'repository', 'operator', 'peers', 'host'] }).notNull(),
    /** Fingerprint of an OpenPGP key, or the name of an approver. */
    by: text('by').notNull(),
    /** Where it was found: a repository's name, empty for the package itself. */
    via: text('via').notNull(),
    /** What can be checked again: the signed statement, or the digest of the index. Empty where the package has it in itself. */
    evidence: text('evidence').notNull(),
    createdAt: createdAt(),
  },
  table => [primaryKey({ columns: [table.signature, table.tier, table.by, table.via] })],
);

/** OpenPGP keys whose signatures count, and for what. */
export const vendorKeys = pgTable('vendor_keys', {
  fingerprint: text('fingerprint').primaryKey(),
  name: text('name').notNull(),
  tier: text('tier', { enum: ['vendor', 'repository'] }).notNull(),
  armored: text('armored').notNull(),
  addedBy: text('added_by').notNull(),
  createdAt: createdAt(),
});

/**
 * What was read of packages for which nobody vouches yet: an import of a repository that was cut off goes on from here. To
 * everybody else they are not there. Forgotten after some days.
 */
export const readPackages = pgTable('read_packages', {
  /** SHA-256 of the package. */
  packageDigest: text('package_digest').primaryKey(),
  packageBytes: bigint('package_bytes', { mode: 'number' }).notNull(),
  product: text('product').notNull(),
  version: text('version').notNull(),
  /** Empty where the format knows none. */
  architecture: text('architecture').notNull(),
  source: text('source', { enum: ['deb', 'rpm', 'zip', 'tar', 'oci', 'directory'] }).notNull(),
  vendor: text('vendor'),
  list: integer('list')
    .notNull()
    .references(() => fileLists.id),
  /** Fingerprint of the key that signed the package itself; empty where none did. */
  signedBy: text('signed_by').notNull(),
  createdAt: createdAt(),
});

/** Repositories as they were seen last: an index that is older is refused. */
export const repositories = pgTable('repositories', {
  name: text('name').primaryKey(),
  kind: text('kind', { enum: ['apt', 'rpm'] }).notNull(),
  /** What the index says of its age. */
  datedAt: at('dated_at'),
  /** SHA-256 of the index. */
  indexDigest: text('index_digest').notNull(),
  signedBy: text('signed_by'),
  importedBy: text('imported_by').notNull(),
  importedAt: at('imported_at').notNull(),
});
