import { sql } from 'drizzle-orm';
import {
  bigint,
  bigserial,
  index,
  integer,
  jsonb,
  pgSequence,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { at, bytea } from './columns.ts';
import { hosts } from './identity.ts';
import { plans } from './plans.ts';

/* Runs: how far each host and job is, and what happened. */

export const runs = pgTable(
  'runs',
  {
    /** `r1`, `r2`: short enough to type. */
    id: text('id').primaryKey(),
    number: bigserial('number', { mode: 'number' }).notNull(),
    plan: text('plan')
      .notNull()
      .references(() => plans.digest),
    state: text('state', {
      enum: ['running', 'paused', 'stopping', 'undoing', 'succeeded', 'failed', 'stopped'],
    }).notNull(),
    /** One sentence: why it is in this state. */
    reason: text('reason').notNull().default(''),
    startedBy: text('started_by').notNull(),
    startedAt: at('started_at').notNull().defaultNow(),
    endedAt: at('ended_at'),
  },
  // A plan runs once: its orders are accepted once, for ever.
  table => [uniqueIndex('runs_plan').on(table.plan)],
);

export const runWaves = pgTable(
  'run_waves',
  {
    run: text('run')
      .notNull()
      .references(() => runs.id),
    wave: text('wave').notNull(),
    openedAt: at('opened_at'),
    endedAt: at('ended_at'),
  },
  table => [primaryKey({ columns: [table.run, table.wave] })],
);

/** Numbers for {@link runHosts}.change. */
export const runChanges = pgSequence('run_changes');

export const runHosts = pgTable(
  'run_hosts',
  {
    run: text('run')
      .notNull()
      .references(() => runs.id),
    hostId: uuid('host_id')
      .notNull()
      .references(() => hosts.id),
    hostName: text('host_name').notNull(),
    orderDigest: text('order_digest').notNull().unique(),
    /** What the orchestrator wants: only ever grows, and turns to undo at most once. */
    frontier: integer('frontier').notNull().default(0),
    direction: text('direction', { enum: ['forward', 'undo'] })
      .notNull()
      .default('forward'),
    /** When the order was first put into the outbox for it. */
    offeredAt: at('offered_at'),
    /** Null until the agent said so. */
    acceptedAt: at('accepted_at'),
    /** Why the agent refused the order or a dispatch; null where it did not. */
    refusal: text('refusal'),
    /** Set while a person has to decide: nothing is released. */
    heldBecause: text('held_because'),
    startedAt: at('started_at'),
    /** Since when it runs backwards. */
    turnedAt: at('turned_at'),
    endedAt: at('ended_at'),
    factsFirstAskedAt: at('facts_first_asked_at'),
    factsLastAskedAt: at('facts_last_asked_at'),
    /**
     * Drawn anew whenever this row or a job of it changes, after the run was locked: whoever holds the run alone sees
     * every change above the highest that it has seen.
     */
    change: bigint('change', { mode: 'number' }).notNull().default(sql`nextval('run_changes')`),
  },
  table => [
    primaryKey({ columns: [table.run, table.hostId] }),
    index('run_hosts_change').on(table.run, table.change),
    index('run_hosts_host').on(table.hostId),
  ],
);

export const runJobs = pgTable(
  'run_jobs',
  {
    run: text('run')
      .notNull()
      .references(() => runs.id),
    hostId: uuid('host_id')
      .notNull()
      .references(() => hosts.id),
    position: integer('position').notNull(),
    direction: text('direction', { enum: ['forward', 'undo'] }).notNull(),
    job: text('job').notNull(),
    state: text('state', {
      enum: ['pending', 'released', 'running', 'succeeded', 'failed', 'missed', 'unknown', 'skipped', 'cancelled'],
    }).notNull(),
    attempt: integer('attempt').notNull().default(0),
    /** Attempts that were used up before a person granted more. */
    spent: integer('spent').notNull().default(0),
    message: text('message').notNull().default(''),
    facts: jsonb('facts'),
    outputHead: bytea('output_head'),
    outputTail: bytea('output_tail'),
    outputSize: bigint('output_size', { mode: 'number' }),
    outputDigest: bytea('output_digest'),
    startedAt: at('started_at'),
    endedAt: at('ended_at'),
  },
  table => [primaryKey({ columns: [table.run, table.hostId, table.position, table.direction] })],
);

/** The event log that `tidemark run events` prints and reports are made of. */
export const runEvents = pgTable(
  'run_events',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    run: text('run')
      .notNull()
      .references(() => runs.id),
    at: at('at').notNull(),
    /** Null for events of the run or a wave. */
    host: text('host'),
    job: text('job'),
    step: text('step'),
    event: text('event').notNull(),
    attempt: integer('attempt'),
    direction: text('direction', { enum: ['forward', 'undo'] }),
    message: text('message').notNull().default(''),
  },
  table => [index('run_events_run').on(table.run, table.id)],
);

/** What the job that runs has written so far: beginning and end. Its result brings the whole. */
export const liveOutput = pgTable(
  'live_output',
  {
    run: text('run')
      .notNull()
      .references(() => runs.id),
    hostId: uuid('host_id')
      .notNull()
      .references(() => hosts.id),
    position: integer('position').notNull(),
    attempt: integer('attempt').notNull(),
    size: bigint('size', { mode: 'number' }).notNull(),
    head: bytea('head').notNull(),
    tail: bytea('tail').notNull(),
    updatedAt: at('updated_at').notNull(),
  },
  table => [primaryKey({ columns: [table.run, table.hostId, table.position] })],
);
