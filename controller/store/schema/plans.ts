import { integer, pgTable, primaryKey, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { bytea, createdAt } from './columns.ts';

/* Plans as they were hashed, and what was signed for them. */

export const plans = pgTable('plans', {
  digest: text('digest').primaryKey(),
  name: text('name').notNull(),
  author: text('author').notNull(),
  header: text('header').notNull(),
  createdAt: createdAt(),
});

export const planOrders = pgTable(
  'plan_orders',
  {
    plan: text('plan')
      .notNull()
      .references(() => plans.digest),
    hostId: uuid('host_id').notNull(),
    digest: text('digest').notNull(),
    /** Exactly the text that was hashed. */
    document: text('document').notNull(),
    leafIndex: integer('leaf_index').notNull(),
    leafCount: integer('leaf_count').notNull(),
    /** Siblings, 32 bytes each, one after the other. */
    path: bytea('path').notNull(),
  },
  table => [primaryKey({ columns: [table.plan, table.hostId] }), uniqueIndex('plan_orders_digest').on(table.digest)],
);

export const approvals = pgTable(
  'approvals',
  {
    plan: text('plan')
      .notNull()
      .references(() => plans.digest),
    approver: text('approver').notNull(),
    /** What it opens: `plan`, or `wave/NAME`. */
    gate: text('gate').notNull().default('plan'),
    /** DSSE, JSON text. */
    envelope: text('envelope').notNull(),
    createdAt: createdAt(),
  },
  table => [primaryKey({ columns: [table.plan, table.gate, table.approver] })],
);

export const trustRoots = pgTable('trust_roots', {
  version: integer('version').primaryKey(),
  /** DSSE, JSON text. The controller keeps it to show and to check early; agents have their own. */
  envelope: text('envelope').notNull(),
  createdAt: createdAt(),
});
