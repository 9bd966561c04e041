import { canonicalJson, type Json } from '@tidemark/shared/base/canonical-json.ts';
import { asc, desc, gt, sql } from 'drizzle-orm';
import { type AuditEntry, CHAIN_START, type ChainVerdict, emptyChain, hashEntry, verifyAudit } from './audit-chain.ts';
import { audit } from './schema.ts';
import type { Queries, Tx } from './store.ts';

export interface NewAuditEntry {
  /** Who: the name of a token's holder, or `agent:<host id>`, or `controller`. */
  actor: string;
  /** `<thing>.<what happened to it>`, such as `run.paused`. */
  action: string;
  /** To what: `run r12`, `host web01`. */
  subject: string;
  detail?: Json;
}

/** Any number that no other program takes for an advisory lock in this database: "tmau" in ASCII. */
const AUDIT_LOCK = 0x746d6175;

/** Read at a time when the whole log is verified. */
const PAGE = 1_000;

/**
 * Adds to the log, as part of the transaction that does what the entry says. One transaction at a time appends and the
 * others wait until it ends, so append late in it, and after everything that locks rows.
 */
export async function append(tx: Tx, entry: NewAuditEntry, atMs: number = Date.now()): Promise<AuditEntry> {
  await tx.execute(sql`select pg_advisory_xact_lock(${AUDIT_LOCK})`);
  const [last] = await tx.select({ id: audit.id, hash: audit.hash }).from(audit).orderBy(desc(audit.id)).limit(1);
  const written = {
    id: (last?.id ?? 0) + 1,
    atMs,
    actor: entry.actor,
    action: entry.action,
    subject: entry.subject,
    detail: canonicalJson(entry.detail ?? {}),
  };
  const previous = Buffer.from(last?.hash ?? CHAIN_START);
  const hash = hashEntry(previous, written);
  const { atMs: _, ...columns } = written;
  await tx.insert(audit).values({ ...columns, at: new Date(atMs), previous, hash });
  return { ...written, previous, hash };
}

/** Entries after `after`, oldest first. */
export async function list(db: Queries, { after, limit }: { after: number; limit: number }): Promise<AuditEntry[]> {
  const rows = await db.select().from(audit).where(gt(audit.id, after)).orderBy(asc(audit.id)).limit(limit);
  return rows.map(({ at, ...row }) => ({ ...row, atMs: at.getTime() }));
}

/** Recomputes the chain from its first entry. */
export async function verify(db: Queries): Promise<ChainVerdict> {
  let head = emptyChain;
  for (;;) {
    const page = await list(db, { after: head.entries, limit: PAGE });
    const verdict = verifyAudit(page, head);
    if (!verdict.intact || page.length < PAGE) return verdict;
    head = verdict.head;
  }
}

/** The log as the API shows it: hashes in hex, times in milliseconds since the epoch. */
export function createAuditLog(db: Queries) {
  return {
    list: async (range: { after: number; limit: number }) =>
      (await list(db, range)).map(({ id, atMs, actor, action, subject, detail, hash }) => ({
        id,
        at: atMs,
        actor,
        action,
        subject,
        detail,
        hash: Buffer.from(hash).toString('hex'),
      })),
    verify: async () => {
      const verdict = await verify(db);
      return {
        intact: verdict.intact,
        entries: verdict.head.entries,
        head: verdict.head.entries > 0 ? Buffer.from(verdict.head.hash).toString('hex') : null,
        problem: verdict.intact ? null : verdict.problem,
      };
    },
  };
}
