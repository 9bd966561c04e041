import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { AmendmentAction } from '@tidemark/shared/orders/amendment.ts';
import { isOver, type Standing } from '@tidemark/shared/orders/frontier.ts';
import type { Direction } from '@tidemark/shared/orders/job-state.ts';
import type { Report, ReportBody } from '@tidemark/shared/orders/report.ts';
import type { DispatchMark } from '@tidemark/shared/signing/dispatch.ts';
import { decodeReport, encodeBody } from './journal-rows.ts';

/*
 * What the executor knows for good: SQLite with a write-ahead log, each transaction on the disk before it is believed
 * (synchronous = FULL). An order is a row that never goes away, so that it is accepted once. A step is an INTENT (the
 * row) until it has a RESULT (its outcome). Reports are made in the transaction of what they report.
 */

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS orders (
    ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
    digest TEXT NOT NULL UNIQUE,
    plan TEXT NOT NULL,
    bytes BLOB NOT NULL,
    accepted_at INTEGER NOT NULL,
    standing TEXT NOT NULL,
    is_over INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS orders_open ON orders (ordinal) WHERE is_over = 0;
  CREATE TABLE IF NOT EXISTS steps (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    order_digest TEXT NOT NULL REFERENCES orders (digest),
    job INTEGER NOT NULL,
    direction TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    directory TEXT NOT NULL,
    intent_at INTEGER NOT NULL,
    outcome TEXT,
    result_at INTEGER,
    resumes INTEGER NOT NULL DEFAULT 0,
    UNIQUE (order_digest, job, direction, attempt)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS amendments (
    digest TEXT PRIMARY KEY,
    order_digest TEXT NOT NULL REFERENCES orders (digest),
    action TEXT NOT NULL,
    job INTEGER,
    had_begun INTEGER NOT NULL,
    by TEXT NOT NULL,
    reason TEXT NOT NULL,
    envelope BLOB NOT NULL,
    accepted_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS reports (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
`;

/** Grows with the tables' meaning; a journal of a newer agent is not touched. */
const JOURNAL_VERSION = 3;

export interface StoredOrder {
  digest: Digest;
  plan: Digest;
  bytes: Uint8Array;
  acceptedAt: number;
  standing: Standing;
}

/** A step with an INTENT and no RESULT. */
export interface OpenStep {
  id: number;
  orderDigest: Digest;
  job: number;
  direction: Direction;
  attempt: number;
  /** Its name in the state directory's steps/. */
  directory: string;
  /** How often it was started anew to go on where it was. */
  resumes: number;
}

export interface StepRow extends OpenStep {
  intentAt: number;
  outcome: string | null;
  resultAt: number | null;
}

/** A decision of people beyond an order, as it was taken. */
export interface StoredAmendment {
  digest: Digest;
  orderDigest: Digest;
  action: AmendmentAction;
  /** Position in the order; null where it is about the whole host. */
  job: number | null;
  /** The job had been begun by then: there may be something to take back. */
  hadBegun: boolean;
  /** Names of those who signed. */
  by: string;
  reason: string;
  envelope: Uint8Array;
  acceptedAt: number;
}

/** What one transaction can do. */
export interface JournalWriter {
  addOrder(order: StoredOrder): void;
  addAmendment(amendment: StoredAmendment): void;
  setStanding(digest: Digest, standing: Standing): void;
  /** INTENT; gives its id. */
  addStep(step: Omit<OpenStep, 'id' | 'resumes'>, at: number): number;
  /** It starts anew in another directory, after it was made sure that nothing began in the old one, or goes on. */
  moveStep(id: number, { directory, resumes }: Pick<OpenStep, 'directory' | 'resumes'>): void;
  /** RESULT. */
  endStep(id: number, outcome: string, at: number): void;
  setMark(mark: DispatchMark): void;
  raiseTimeFloor(at: number): void;
  report(body: ReportBody, at: number): void;
  acknowledge(sequence: number): void;
  /** The controller has seen reports up to here that this journal does not know any more: go on after them. */
  continueAfter(sequence: number): void;
}

export interface Journal {
  /** All of it or nothing; reports are handed on once they are on the disk. */
  write<T>(work: (tx: JournalWriter) => T): T;
  order(digest: Digest): StoredOrder | null;
  /** In the order of acceptance. */
  orders(): StoredOrder[];
  amendment(digest: Digest): StoredAmendment | null;
  /** Of one order, in the order in which they were taken. */
  amendments(orderDigest: Digest): StoredAmendment[];
  /** Those that are not finished or undone. */
  openStandings(): { digest: Digest; standing: Standing }[];
  openSteps(): OpenStep[];
  steps(digest: Digest): StepRow[];
  mark(): DispatchMark;
  /** No time before this one is believed, see docs/decisions/0051. */
  timeFloor(): number;
  reportsAfter(sequence: number, limit: number): Report[];
  lastReports(count: number): Report[];
  /** The highest that any report ever had. */
  lastSequence(): number;
  /** Reports that the controller has not acknowledged. */
  unacknowledged(): number;
  acknowledged(): number;
  close(): void;
}

export interface JournalOptions {
  file: string;
  /** Frees space when the disk is full; false where there is none to free. */
  onFull(): boolean;
  onReport(report: Report): void;
  readOnly?: boolean;
}

/** Acknowledged reports are kept a while: a controller that lost its last hour learns it again from here. */
const KEPT_ACKNOWLEDGED = 256;
/** https://sqlite.org/rescode.html; the lowest byte of what node:sqlite calls `errcode`. */
const SQLITE = { readOnly: 8, ioError: 10, corrupt: 11, full: 13, cannotOpen: 14, notADatabase: 26 } as const;

export function openJournal({ file, onFull, onReport, readOnly = false }: JournalOptions): Journal {
  const database = new DatabaseSync(file, { readOnly, timeout: 5_000 });
  if (!readOnly) prepare(database, file);
  const statement = (sql: string) => database.prepare(sql);
  const one = <T>(sql: string, ...values: SQLInputValue[]) => statement(sql).get(...values) as T | undefined;
  const all = <T>(sql: string, ...values: SQLInputValue[]) => statement(sql).all(...values) as T[];
  const meta = (key: string): number => one<{ value: number }>('SELECT value FROM meta WHERE key = ?', key)?.value ?? 0;

  const attempt = <T>(work: (tx: JournalWriter) => T): { value: T; reports: Report[] } => {
    const reports: Report[] = [];
    database.exec('BEGIN IMMEDIATE');
    try {
      const value = work(writerOf(database, meta, reports));
      database.exec('COMMIT');
      return { value, reports };
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  };

  return {
    write(work) {
      let done: ReturnType<typeof attempt<ReturnType<typeof work>>>;
      try {
        done = attempt(work);
      } catch (error) {
        if (!(isFull(error) || isBroken(error)) || !onFull()) throw error;
        done = attempt(work);
      }
      for (const report of done.reports) onReport(report);
      return done.value;
    },
    order: digest => {
      const row = one<OrderRow>('SELECT * FROM orders WHERE digest = ?', digest);
      return row ? readOrder(row) : null;
    },
    orders: () => all<OrderRow>('SELECT * FROM orders ORDER BY ordinal').map(readOrder),
    amendment: digest => {
      const row = one<AmendmentRow>('SELECT * FROM amendments WHERE digest = ?', digest);
      return row ? readAmendmentRow(row) : null;
    },
    amendments: digest =>
      all<AmendmentRow>('SELECT * FROM amendments WHERE order_digest = ? ORDER BY rowid', digest).map(readAmendmentRow),
    openStandings: () =>
      all<{ digest: string; standing: string }>(
        'SELECT digest, standing FROM orders WHERE is_over = 0 ORDER BY ordinal',
      ).map(row => ({ digest: row.digest as Digest, standing: JSON.parse(row.standing) as Standing })),
    openSteps: () => all<StepSql>('SELECT * FROM steps WHERE outcome IS NULL ORDER BY id').map(readStep),
    steps: digest => all<StepSql>('SELECT * FROM steps WHERE order_digest = ? ORDER BY id', digest).map(readStep),
    mark: () => ({ epoch: meta('epoch'), sequence: meta('sequence') }),
    timeFloor: () => meta('time_floor'),
    reportsAfter: (sequence, limit) =>
      all<ReportRow>('SELECT * FROM reports WHERE sequence > ? ORDER BY sequence LIMIT ?', sequence, limit).map(
        decodeReport,
      ),
    lastReports: count =>
      all<ReportRow>('SELECT * FROM reports ORDER BY sequence DESC LIMIT ?', count).map(decodeReport).reverse(),
    lastSequence: () => one<{ seq: number }>("SELECT seq FROM sqlite_sequence WHERE name = 'reports'")?.seq ?? 0,
    unacknowledged: () =>
      one<{ count: number }>('SELECT count(*) AS count FROM reports WHERE sequence > ?', meta('acknowledged'))?.count ??
      0,
    acknowledged: () => meta('acknowledged'),
    close: () => database.close(),
  };
}

/** Whether the journal could not be written because there is no space. */
export const isFull = (error: unknown): boolean => codeOf(error) === SQLITE.full;

/**
 * Whether the journal cannot be read or written: its disk fails, or has been made read-only for that. A write-ahead log that
 * cannot grow is an I/O error too in some places where the file itself would be "full".
 */
export function isBroken(error: unknown): boolean {
  const { readOnly, ioError, corrupt, cannotOpen, notADatabase } = SQLITE;
  return [readOnly, ioError, corrupt, cannotOpen, notADatabase].some(code => code === codeOf(error));
}

function codeOf(error: unknown): number | null {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return typeof code === 'number' ? code & 0xff : null;
}

function prepare(database: DatabaseSync, file: string): void {
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;');
  const version = (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
  if (version > JOURNAL_VERSION)
    throw new Error(`${file} was written by a newer agent (format ${version}); install that agent again`);
  // Nothing is written where nothing has to be: an agent must come up on a full disk.
  if (version === JOURNAL_VERSION) return;
  // All of it or nothing: a power cut in between must not leave half of another format.
  const columns = version > 0 ? 'ALTER TABLE steps ADD COLUMN resumes INTEGER NOT NULL DEFAULT 0;' : '';
  database.exec(`BEGIN; ${SCHEMA} ${columns} PRAGMA user_version = ${JOURNAL_VERSION}; COMMIT`);
}

function writerOf(database: DatabaseSync, meta: (key: string) => number, reports: Report[]): JournalWriter {
  const run = (sql: string, ...values: SQLInputValue[]) => database.prepare(sql).run(...values);
  const setMeta = (key: string, value: number) =>
    run(
      'INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
      key,
      value,
    );
  return {
    addOrder: ({ digest, plan, bytes, acceptedAt, standing }) =>
      void run(
        'INSERT INTO orders (digest, plan, bytes, accepted_at, standing, is_over) VALUES (?, ?, ?, ?, ?, ?)',
        digest,
        plan,
        bytes,
        acceptedAt,
        JSON.stringify(standing),
        Number(isOver(standing)),
      ),
    addAmendment: amendment =>
      void run(
        'INSERT INTO amendments (digest, order_digest, action, job, had_begun, by, reason, envelope, accepted_at) ' +
          'VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
        ...[amendment.digest, amendment.orderDigest, amendment.action, amendment.job, Number(amendment.hadBegun)],
        ...[amendment.by, amendment.reason, amendment.envelope, amendment.acceptedAt],
      ),
    setStanding: (digest, standing) =>
      void run(
        'UPDATE orders SET standing = ?, is_over = ? WHERE digest = ?',
        JSON.stringify(standing),
        Number(isOver(standing)),
        digest,
      ),
    addStep: ({ orderDigest, job, direction, attempt, directory }, at) =>
      Number(
        run(
          'INSERT INTO steps (order_digest, job, direction, attempt, directory, intent_at) VALUES (?, ?, ?, ?, ?, ?)',
          orderDigest,
          job,
          direction,
          attempt,
          directory,
          at,
        ).lastInsertRowid,
      ),
    moveStep: (id, { directory, resumes }) =>
      void run('UPDATE steps SET directory = ?, resumes = ? WHERE id = ?', directory, resumes, id),
    endStep: (id, outcome, at) => void run('UPDATE steps SET outcome = ?, result_at = ? WHERE id = ?', outcome, at, id),
    setMark: ({ epoch, sequence }) => {
      setMeta('epoch', epoch);
      setMeta('sequence', sequence);
    },
    raiseTimeFloor: at => void setMeta('time_floor', Math.max(at, meta('time_floor'))),
    report: (body, at) => {
      const { lastInsertRowid } = run('INSERT INTO reports (at, body) VALUES (?, ?)', at, encodeBody(body));
      reports.push({ sequence: Number(lastInsertRowid), atMs: at, body });
    },
    acknowledge: sequence => {
      setMeta('acknowledged', Math.max(sequence, meta('acknowledged')));
      run('DELETE FROM reports WHERE sequence <= ?', sequence - KEPT_ACKNOWLEDGED);
    },
    continueAfter: sequence => {
      run("DELETE FROM sqlite_sequence WHERE name = 'reports'");
      run("INSERT INTO sqlite_sequence (name, seq) VALUES ('reports', ?)", sequence);
    },
  };
}

interface AmendmentRow {
  digest: string;
  order_digest: string;
  action: string;
  job: number | null;
  had_begun: number;
  by: string;
  reason: string;
  envelope: Uint8Array;
  accepted_at: number;
}

interface OrderRow {
  digest: string;
  plan: string;
  bytes: Uint8Array;
  accepted_at: number;
  standing: string;
}

interface StepSql {
  id: number;
  order_digest: string;
  job: number;
  direction: string;
  attempt: number;
  directory: string;
  intent_at: number;
  outcome: string | null;
  result_at: number | null;
  resumes: number;
}

interface ReportRow {
  sequence: number;
  at: number;
  body: string;
}

const readAmendmentRow = (row: AmendmentRow): StoredAmendment => ({
  digest: row.digest as Digest,
  orderDigest: row.order_digest as Digest,
  action: row.action as AmendmentAction,
  job: row.job,
  hadBegun: row.had_begun === 1,
  by: row.by,
  reason: row.reason,
  envelope: row.envelope,
  acceptedAt: row.accepted_at,
});

const readOrder = (row: OrderRow): StoredOrder => ({
  digest: row.digest as Digest,
  plan: row.plan as Digest,
  bytes: row.bytes,
  acceptedAt: row.accepted_at,
  standing: JSON.parse(row.standing) as Standing,
});

const readStep = (row: StepSql): StepRow => ({
  id: row.id,
  orderDigest: row.order_digest as Digest,
  job: row.job,
  direction: row.direction as Direction,
  attempt: row.attempt,
  directory: row.directory,
  intentAt: row.intent_at,
  outcome: row.outcome,
  resultAt: row.result_at,
  resumes: row.resumes,
});
