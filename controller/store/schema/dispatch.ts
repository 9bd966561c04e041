import { sql } from 'drizzle-orm';
import { bigint, bigserial, index, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { at, bytea, createdAt } from './columns.ts';

/* Who may decide, what is to be sent, and what was done. */

/** Who may dispatch for what. The epoch grows with each taking; agents refuse what is below the highest they saw. */
export const leases = pgTable('leases', {
  name: text('name').primaryKey(),
  holder: text('holder').notNull(),
  epoch: bigint('epoch', { mode: 'number' }).notNull(),
  expiresAt: at('expires_at').notNull(),
});

/** What is to be sent, written with the state that makes it due. Delivered at least once; receivers know repeats. */
export const outbox = pgTable(
  'outbox',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    hostId: uuid('host_id').notNull(),
    kind: text('kind', {
      enum: ['order-offer', 'dispatch', 'amendment', 'observe-facts', 'observe-scan', 'secret-key'],
    }).notNull(),
    payload: jsonb('payload').notNull(),
    createdAt: createdAt(),
    sentAt: at('sent_at'),
  },
  table => [index('outbox_due').on(table.hostId, table.id).where(sql`sent_at is null`)],
);

/** Append-only and hash-chained: each entry's hash covers the one before. */
export const audit = pgTable('audit', {
  id: bigint('id', { mode: 'number' }).primaryKey(),
  at: at('at').notNull(),
  actor: text('actor').notNull(),
  action: text('action').notNull(),
  subject: text('subject').notNull(),
  /** Canonical JSON text, as it was hashed. */
  detail: text('detail').notNull(),
  previous: bytea('previous').notNull(),
  hash: bytea('hash').notNull(),
});
