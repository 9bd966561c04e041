import { pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { at, createdAt } from './columns.ts';
import { hosts } from './identity.ts';

/* When something is looked at. */

/** Scans that come again and again. */
export const scanSchedules = pgTable('scan_schedules', {
  name: text('name').primaryKey(),
  /** CEL over hosts, asked each time. */
  select: text('select').notNull(),
  cron: text('cron').notNull(),
  timezone: text('timezone').notNull(),
  onDrift: text('on_drift', { enum: ['report', 'incident'] }).notNull(),
  nextDueAt: at('next_due_at').notNull(),
  createdBy: text('created_by').notNull(),
  createdAt: createdAt(),
});

/** A scan or a look at facts that somebody asked for, until it has been answered. */
export const observations = pgTable('observations', {
  id: uuid('id').primaryKey(),
  hostId: uuid('host_id')
    .notNull()
    .references(() => hosts.id),
  kind: text('kind', { enum: ['facts', 'scan'] }).notNull(),
  state: text('state', { enum: ['asked', 'done', 'failed'] })
    .notNull()
    .default('asked'),
  message: text('message').notNull().default(''),
  /** The scan that answers it, from when the agent has named it. */
  scan: text('scan'),
  fingerprint: uuid('fingerprint'),
  /** The schedule that asked for it. */
  schedule: text('schedule'),
  /** When it was looked at for drift. */
  judgedAt: at('judged_at'),
  createdAt: createdAt(),
  endedAt: at('ended_at'),
});
