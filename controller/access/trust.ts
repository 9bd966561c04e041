import type { Clock } from '@tidemark/shared/base/clock.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { type Envelope, encodeEnvelope, parseEnvelope } from '@tidemark/shared/signing/dsse.ts';
import { openFirstTrustRoot, openNextTrustRoot, type TrustRoot } from '@tidemark/shared/signing/trust-root.ts';

/** What is kept of trust roots. Implemented by controller/store/trust-roots.ts and, for tests, in memory. */
export interface TrustStore {
  /** All versions as they were signed, the first one first. */
  all(): Promise<StoredTrustRoot[]>;
  transaction<T>(work: (transaction: TrustTransaction) => Promise<T>): Promise<T>;
}

export interface StoredTrustRoot {
  version: number;
  /** DSSE, JSON text. */
  envelope: string;
}

export interface TrustTransaction {
  /** The same, and nobody else adds one until the end of the transaction. */
  allLocked(): Promise<StoredTrustRoot[]>;
  add(root: StoredTrustRoot, atMs: number): Promise<void>;
  audit(entry: {
    actor: string;
    action: string;
    subject: string;
    detail: Record<string, string | number>;
  }): Promise<void>;
}

export interface TrustError {
  code: 'trust-root-invalid' | 'trust-root-stale' | 'wrong-fleet';
  message: string;
}

export type TrustView = Pick<TrustRoot, 'fleet' | 'version' | 'approvers' | 'thresholds'> & { envelope: Envelope };

/**
 * The trust root as far as the controller is concerned: it shows it, and sees early which approvals will count. It
 * decides nothing: servers believe only the one that lies on them.
 */
export function createTrust({ fleet, store, clock }: { fleet: string; store: TrustStore; clock: Clock }) {
  return {
    /** Takes the first trust root, or the successor of the newest. The newest once more changes nothing. */
    set: ({ envelope, by }: { envelope: Envelope; by: string }): Promise<Result<{ version: number }, TrustError>> =>
      store.transaction(async transaction => {
        const stored = await transaction.allLocked();
        const text = encodeEnvelope(envelope).toString('utf8');
        const newest = stored.at(-1);
        if (newest?.envelope === text) return ok({ version: newest.version });
        const accepted = accept(envelope, openAll(stored));
        if (!accepted.ok) return accepted;
        const root = accepted.value;
        if (root.fleet !== fleet) {
          return refuse('wrong-fleet', `the trust root is for fleet ${root.fleet}, this controller is of ${fleet}`);
        }
        await transaction.add({ version: root.version, envelope: text }, clock.now());
        await transaction.audit({
          actor: by,
          action: 'trust-root.installed',
          subject: `trust root ${root.version}`,
          detail: { approvers: root.approvers.map(approver => approver.name).join(', ') },
        });
        return ok({ version: root.version });
      }),

    /** The newest, or null before the first. */
    async current(): Promise<TrustView | null> {
      const newest = openAll(await store.all());
      return newest ? { ...newest.root, envelope: newest.envelope } : null;
    },
  };
}

interface Opened {
  root: TrustRoot;
  envelope: Envelope;
}

function accept(envelope: Envelope, current: Opened | null): Result<TrustRoot, TrustError> {
  const opened = current ? openNextTrustRoot(envelope, current.root) : openFirstTrustRoot(envelope);
  if (opened.ok) return opened;
  return refuse(
    current ? 'trust-root-stale' : 'trust-root-invalid',
    current
      ? `${opened.error}; make it with "tidemark trust create --after" the file of version ${current.root.version}`
      : opened.error,
  );
}

/** Verifies the chain from its first version: a database that somebody wrote to does not become a source of trust. */
function openAll(stored: readonly StoredTrustRoot[]): Opened | null {
  let current: Opened | null = null;
  for (const { version, envelope: text } of stored) {
    const envelope = parseEnvelope(Buffer.from(text, 'utf8'));
    const opened: Result<TrustRoot, string> = !envelope.ok
      ? envelope
      : current
        ? openNextTrustRoot(envelope.value, current.root)
        : openFirstTrustRoot(envelope.value);
    if (!envelope.ok || !opened.ok)
      throw new Error(`the stored trust root ${version} is damaged: ${opened.ok ? '' : opened.error}`);
    current = { root: opened.value, envelope: envelope.value };
  }
  return current;
}

const refuse = (code: TrustError['code'], message: string) => err({ code, message });
