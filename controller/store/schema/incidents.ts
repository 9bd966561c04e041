import { bigint, bigserial, index, integer, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { at, createdAt } from './columns.ts';
import { hosts } from './identity.ts';
import { runs } from './runs.ts';

/* What waits for a person. */

export const incidents = pgTable(
  'incidents',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    run: text('run').references(() => runs.id),
    hostId: uuid('host_id').references(() => hosts.id),
    /** One incident for one cause: opening it again finds it. */
    key: text('key').notNull().unique(),
    title: text('title').notNull(),
    detail: text('detail').notNull(),
    state: text('state', { enum: ['open', 'resolved'] })
      .notNull()
      .default('open'),
    createdAt: createdAt(),
    resolvedAt: at('resolved_at'),
    /** What it is about, as far as it is about a job: position and direction in the host's order. */
    position: integer('position'),
    direction: text('direction', { enum: ['forward', 'undo'] }),
    /** Incidents of one run with the same one are the same error on several hosts. */
    cause: text('cause'),
    takenBy: text('taken_by'),
    takenAt: at('taken_at'),
    resolvedBy: text('resolved_by'),
    resolution: text('resolution'),
  },
  table => [index('incidents_run').on(table.run)],
);

export const incidentComments = pgTable(
  'incident_comments',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    incident: bigint('incident', { mode: 'number' })
      .notNull()
      .references(() => incidents.id),
    at: at('at').notNull(),
    by: text('by').notNull(),
    text: text('text').notNull(),
  },
  table => [index('incident_comments_incident').on(table.incident, table.id)],
);
