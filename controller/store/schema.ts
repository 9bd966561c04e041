import { sql } from 'drizzle-orm';
import {
  bigint,
  bigserial,
  boolean,
  customType,
  index,
  integer,
  jsonb,
  pgSequence,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';

/*
 * The one schema. Times are timestamptz; digests are text `sha256:<hex>` where people meet them and bytea (32 bytes)
 * in the node store, where there are millions.
 */

const bytea = customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => 'bytea' });
const at = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });
const createdAt = () => at('created_at').notNull().defaultNow();

// -- identity ---------------------------------------------------------------------------------------------------------

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

// -- landscape and facts ----------------------------------------------------------------------------------------------

export const landscapes = pgTable('landscapes', {
  version: integer('version').primaryKey(),
  digest: text('digest').notNull(),
  document: jsonb('document').notNull(),
  importedBy: text('imported_by').notNull(),
  createdAt: createdAt(),
});

export const facts = pgTable('facts', {
  hostId: uuid('host_id')
    .primaryKey()
    .references(() => hosts.id),
  facts: jsonb('facts').notNull(),
  observedAt: at('observed_at').notNull(),
});

// -- bundles and signatures -------------------------------------------------------------------------------------------

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
  /** Frozen content: releases with product, version, artifact and sizes; packages with name, version and digest. */
  document: jsonb('document').notNull(),
  ring: text('ring', { enum: ['test', 'inactive', 'active'] }).notNull(),
  createdBy: text('created_by').notNull(),
  createdAt: createdAt(),
});

// -- plans and runs ---------------------------------------------------------------------------------------------------

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

export const runs = pgTable(
  'runs',
  {
    /** `r1`, `r2`: short enough to type. */
    id: text('id').primaryKey(),
    number: bigserial('number', { mode: 'number' }).notNull(),
    plan: text('plan')
      .notNull()
      .references(() => plans.digest),
    state: text('state', { enum: ['running', 'paused', 'stopping', 'succeeded', 'failed', 'stopped'] }).notNull(),
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

// -- the orchestrator's own ---------------------------------------------------------------------------------------------

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
    kind: text('kind', { enum: ['order-offer', 'dispatch', 'amendment', 'observe-facts', 'observe-scan'] }).notNull(),
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

// -- fingerprints -------------------------------------------------------------------------------------------------------

/** Nodes of all trees of the whole fleet, by content. */
export const nodes = pgTable('nodes', {
  id: bytea('id').primaryKey(),
  data: bytea('data').notNull(),
});

/** Nodes that no committed tree hangs on yet: what is below them may still be missing. All others are whole. */
export const unfinishedNodes = pgTable('unfinished_nodes', {
  id: bytea('id')
    .primaryKey()
    .references(() => nodes.id, { onDelete: 'cascade' }),
  createdAt: createdAt(),
});

export const fingerprints = pgTable(
  'fingerprints',
  {
    id: uuid('id').primaryKey(),
    hostId: uuid('host_id')
      .notNull()
      .references(() => hosts.id),
    /** The agent's own name for the scan: one that was committed and is sent again is known by it. */
    scan: text('scan').notNull(),
    profile: jsonb('profile').notNull(),
    profileDigest: text('profile_digest').notNull(),
    softwareRoot: bytea('software_root').notNull(),
    configRoot: bytea('config_root').notNull(),
    coverage: jsonb('coverage').notNull(),
    startedAt: at('started_at').notNull(),
    finishedAt: at('finished_at').notNull(),
    createdAt: createdAt(),
  },
  table => [
    index('fingerprints_host').on(table.hostId, table.createdAt),
    uniqueIndex('fingerprints_scan').on(table.hostId, table.scan),
  ],
);

/** Fingerprints that are kept as references. */
export const baselines = pgTable('baselines', {
  name: text('name').primaryKey(),
  fingerprint: uuid('fingerprint')
    .notNull()
    .references(() => fingerprints.id),
  /** The signed statement about it, an envelope as JSON text. Believed only as far as its signatures count. */
  envelope: text('envelope').notNull(),
  createdBy: text('created_by').notNull(),
  createdAt: createdAt(),
});

/** Differences that somebody answers for, until a day. What a column leaves open holds for all. */
export const waivers = pgTable('waivers', {
  id: uuid('id').primaryKey(),
  host: text('host'),
  cluster: text('cluster'),
  product: text('product'),
  class: text('class'),
  /** Glob over absolute paths. */
  path: text('path').notNull(),
  reason: text('reason').notNull(),
  createdBy: text('created_by').notNull(),
  createdAt: createdAt(),
  expiresAt: at('expires_at').notNull(),
  /** Ended before it expired. */
  endedAt: at('ended_at'),
});

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
