import { bigint, bigserial, index, integer, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { at, createdAt } from './columns.ts';
import { hosts } from './identity.ts';
import { runs } from './runs.ts';

/* What runs are decided by beside their own state: words of people, gates, other runs, and what was learned. */

/** What people signed beyond an order: recorded here, sent to the agent, and in force once the agent has said so. */
export const amendments = pgTable(
  'amendments',
  {
    /** SHA-256 of what was signed. */
    digest: text('digest').primaryKey(),
    run: text('run')
      .notNull()
      .references(() => runs.id),
    hostId: uuid('host_id')
      .notNull()
      .references(() => hosts.id),
    action: text('action', { enum: ['retry', 'skip', 'done', 'undo'] }).notNull(),
    job: text('job'),
    reason: text('reason').notNull(),
    /** By the key that signed it. */
    approver: text('approver').notNull(),
    /** DSSE, JSON text. */
    envelope: text('envelope').notNull(),
    state: text('state', { enum: ['sent', 'accepted', 'refused'] })
      .notNull()
      .default('sent'),
    /** Why the agent refused it. */
    message: text('message').notNull().default(''),
    createdAt: createdAt(),
    answeredAt: at('answered_at'),
  },
  table => [index('amendments_run').on(table.run, table.hostId)],
);

/** What gates of waves have shown so far. */
export const runGates = pgTable(
  'run_gates',
  {
    run: text('run')
      .notNull()
      .references(() => runs.id),
    wave: text('wave').notNull(),
    /** Its number in the wave. */
    gate: integer('gate').notNull(),
    state: text('state', { enum: ['passed', 'failed', 'unknown'] }).notNull(),
    /** What was seen, or who signalled. */
    detail: text('detail').notNull(),
    /** Since when it has been in this state. */
    since: at('since').notNull(),
    checkedAt: at('checked_at').notNull(),
  },
  table => [primaryKey({ columns: [table.run, table.wave, table.gate] })],
);

/**
 * Which hosts are out of service, or may be, by the limits that hold over all runs. Taken in the transaction that lets a
 * host begin; given back in the one in which it has ended well.
 */
export const limitClaims = pgTable(
  'limit_claims',
  {
    /** `cluster:orders-db`, `site:fra`. */
    key: text('key').notNull(),
    hostId: uuid('host_id')
      .notNull()
      .references(() => hosts.id),
    hostName: text('host_name').notNull(),
    run: text('run')
      .notNull()
      .references(() => runs.id),
    /** Of the lease under which it was taken. */
    epoch: bigint('epoch', { mode: 'number' }).notNull(),
    createdAt: createdAt(),
    /** A claim that nobody has renewed until then counts no more. */
    expiresAt: at('expires_at').notNull(),
  },
  table => [primaryKey({ columns: [table.key, table.hostId] }), index('limit_claims_run').on(table.run)],
);

/** How long steps took that ended well: what the next window is reckoned with. */
export const durations = pgTable(
  'durations',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    hostId: uuid('host_id').notNull(),
    /** Kind of the step: `package/upgrade`. */
    kind: text('kind').notNull(),
    bundle: text('bundle').notNull(),
    durationMs: bigint('duration_ms', { mode: 'number' }).notNull(),
    endedAt: at('ended_at').notNull(),
  },
  table => [
    index('durations_host').on(table.hostId, table.kind, table.endedAt),
    index('durations_kind').on(table.kind, table.bundle, table.endedAt),
  ],
);
