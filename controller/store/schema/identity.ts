import { bigint, boolean, index, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { at, bytea, createdAt } from './columns.ts';

/* Who may speak: hosts with their certificates, and API tokens. */

export const hosts = pgTable('hosts', {
  id: uuid('id').primaryKey(),
  /** What the landscape calls it; the agent is matched to the record by the name on its token. */
  name: text('name').notNull().unique(),
  state: text('state', { enum: ['enrolled', 'evicted', 'banned'] })
    .notNull()
    .default('enrolled'),
  agentVersion: text('agent_version'),
  bootId: text('boot_id'),
  lastSeenAt: at('last_seen_at'),
  connected: boolean('connected').notNull().default(false),
  /** Highest report sequence that is stored. */
  acknowledged: bigint('acknowledged', { mode: 'number' }).notNull().default(0),
  /** Sequence of the last dispatch that was signed for it. */
  dispatchSequence: bigint('dispatch_sequence', { mode: 'number' }).notNull().default(0),
  createdAt: createdAt(),
});

export const enrolmentTokens = pgTable('enrolment_tokens', {
  id: text('id').primaryKey(),
  /** SHA-256 of the secret; the secret itself is nowhere. */
  secretHash: bytea('secret_hash').notNull(),
  hostName: text('host_name').notNull(),
  expiresAt: at('expires_at').notNull(),
  usedAt: at('used_at'),
  /** SHA-256 of the public key that used it: the same key may ask again after a lost reply. */
  usedByKey: bytea('used_by_key'),
  createdBy: text('created_by').notNull(),
  createdAt: createdAt(),
});

export const certificates = pgTable(
  'certificates',
  {
    serial: text('serial').primaryKey(),
    hostId: uuid('host_id')
      .notNull()
      .references(() => hosts.id),
    publicKeyHash: bytea('public_key_hash').notNull(),
    notAfter: at('not_after').notNull(),
    revokedAt: at('revoked_at'),
    createdAt: createdAt(),
  },
  table => [index('certificates_host').on(table.hostId)],
);

export const apiTokens = pgTable('api_tokens', {
  id: text('id').primaryKey(),
  name: text('name').notNull().unique(),
  secretHash: bytea('secret_hash').notNull(),
  role: text('role', { enum: ['viewer', 'operator', 'approver', 'admin'] }).notNull(),
  expiresAt: at('expires_at'),
  revokedAt: at('revoked_at'),
  createdAt: createdAt(),
});
