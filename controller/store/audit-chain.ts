import { canonicalJson } from '@tidemark/shared/base/canonical-json.ts';
import { sha256 } from '@tidemark/shared/base/digest.ts';

/** An entry of the audit log as it is kept. */
export interface AuditEntry {
  /** 1, 2, 3, ... without gaps. */
  id: number;
  atMs: number;
  actor: string;
  action: string;
  subject: string;
  /** Canonical JSON text. */
  detail: string;
  /** Hash of the entry before; {@link CHAIN_START} for the first. */
  previous: Uint8Array;
  hash: Uint8Array;
}

export const CHAIN_START: Uint8Array = new Uint8Array(32);

/** SHA-256 over the previous hash and the entry's canonical JSON. */
export const hashEntry = (previous: Uint8Array, entry: Omit<AuditEntry, 'previous' | 'hash'>): Buffer =>
  sha256(
    previous,
    Buffer.from(
      canonicalJson({
        id: entry.id,
        at: entry.atMs,
        actor: entry.actor,
        action: entry.action,
        subject: entry.subject,
        detail: entry.detail,
      }),
      'utf8',
    ),
  );

/** How far a log has been verified. */
export interface ChainHead {
  entries: number;
  hash: Uint8Array;
}

export const emptyChain: ChainHead = { entries: 0, hash: CHAIN_START };

export type ChainVerdict =
  | { intact: true; head: ChainHead }
  /** `id` is the place in the log at which it stops being what was written. */
  | { intact: false; head: ChainHead; problem: { id: number; message: string } };

/**
 * Checks that `entries`, oldest first, continue the chain at `head` (its beginning by default): nothing changed, taken
 * out, put in or moved. That the newest entries were cut off shows only by a head that was kept elsewhere.
 */
export function verifyAudit(entries: Iterable<AuditEntry>, head: ChainHead = emptyChain): ChainVerdict {
  let reached = head;
  for (const entry of entries) {
    const message = wrongWith(entry, reached);
    if (message) return { intact: false, head: reached, problem: { id: entry.id, message } };
    reached = { entries: entry.id, hash: entry.hash };
  }
  return { intact: true, head: reached };
}

function wrongWith(entry: AuditEntry, before: ChainHead): string | null {
  const expected = before.entries + 1;
  if (entry.id !== expected) return `entry ${expected} is missing: after ${before.entries} comes ${entry.id}`;
  if (!same(entry.previous, before.hash))
    return `entry ${entry.id} does not follow entry ${before.entries} as it is now`;
  if (!same(entry.hash, hashEntry(entry.previous, entry))) return `entry ${entry.id} is not as it was written`;
  return null;
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.from(a).equals(Buffer.from(b));
