import { index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { at, createdAt } from './columns.ts';
import { hosts } from './identity.ts';
import { runs } from './runs.ts';

/* What is looked at, under which keys, and when. */

/** What scans look at, each once: a profile is some KB, and a fleet has a handful of them. */
export const scanProfiles = pgTable('scan_profiles', {
  digest: text('digest').primaryKey(),
  profile: jsonb('profile').notNull(),
  createdAt: createdAt(),
});

/** Profiles that somebody signed, so that scans which no plan carries run under them. */
export const signedProfiles = pgTable(
  'signed_profiles',
  {
    name: text('name').notNull(),
    version: integer('version').notNull(),
    digest: text('digest')
      .notNull()
      .references(() => scanProfiles.digest),
    /** An envelope as JSON text. Believed only as far as its signatures count. */
    envelope: text('envelope').notNull(),
    createdBy: text('created_by').notNull(),
    createdAt: createdAt(),
  },
  table => [primaryKey({ columns: [table.name, table.version] }), index('signed_profiles_digest').on(table.digest)],
);

/** Keys for secrets, sealed to one host each: nobody here can open them. */
export const secretKeys = pgTable(
  'secret_keys',
  {
    name: text('name').notNull(),
    generation: integer('generation').notNull(),
    hostId: uuid('host_id')
      .notNull()
      .references(() => hosts.id),
    keyId: text('key_id').notNull(),
    /** The agent's public key that it is sealed to, base64. */
    recipient: text('recipient').notNull(),
    /** The signed statement, an envelope as JSON text. */
    envelope: text('envelope').notNull(),
    createdBy: text('created_by').notNull(),
    createdAt: createdAt(),
  },
  table => [
    primaryKey({ columns: [table.name, table.generation, table.hostId] }),
    index('secret_keys_host').on(table.hostId, table.createdAt),
  ],
);

/** Scans that come again and again. */
export const scanSchedules = pgTable('scan_schedules', {
  name: text('name').primaryKey(),
  /** CEL over hosts, asked each time. */
  select: text('select').notNull(),
  cron: text('cron').notNull(),
  timezone: text('timezone').notNull(),
  onDrift: text('on_drift', { enum: ['report', 'incident'] }).notNull(),
  /** The profile that its scans are under, by name; null for what the landscape says of each host. */
  profile: text('profile'),
  nextDueAt: at('next_due_at').notNull(),
  createdBy: text('created_by').notNull(),
  createdAt: createdAt(),
});

/** A scan or a look at facts that somebody asked for, until it has been answered. */
export const observations = pgTable(
  'observations',
  {
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
    /** The run that it comes after. */
    run: text('run').references(() => runs.id),
    /** When it was looked at for drift. */
    judgedAt: at('judged_at'),
    createdAt: createdAt(),
    endedAt: at('ended_at'),
  },
  table => [uniqueIndex('observations_run').on(table.run, table.hostId)],
);
