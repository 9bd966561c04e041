import type { DueMessage } from '@tidemark/controller/loops/deliver.ts';
import type {
  LimitClaim,
  NewRunEvent,
  Presence,
  StoredHost,
  StoredRunHead,
} from '@tidemark/controller/orchestrator/ports.ts';
import type { WaveTimes } from '@tidemark/controller/orchestrator/snapshot.ts';
import { present } from '@tidemark/shared/base/assert.ts';

/* What the memory store keeps, and how a transaction takes back what it did. */

export interface HostRow {
  id: string;
  name: string;
  state: 'enrolled' | 'evicted' | 'banned';
  /** Replaced as a whole, so that who has it can tell that nothing changed. */
  presence: Presence;
  /** Highest report that is stored. */
  acknowledged: number;
  dispatchSequence: number;
  facts: { facts: Readonly<Record<string, unknown>>; observedAt: number } | null;
}

/** What a run says of a host. Never changed in place: whoever was given one keeps what it read. */
export type RunHostRow = Omit<StoredHost, 'connected' | 'lastSeenAt' | 'facts'> & { change: number };

export interface RunRow extends Omit<StoredRunHead, 'waves' | 'incidents'> {
  waves: Map<string, WaveTimes>;
  hosts: Map<string, RunHostRow>;
}

export interface IncidentRow {
  key: string;
  run: string;
  hostId: string | null;
  title: string;
  detail: string;
  openedAt: number;
  state: 'open' | 'resolved';
}

/** What is sent is deleted. */
export type OutboxRow = DueMessage;

export type EventRow = NewRunEvent & { id: number; run: string };

export interface AmendmentRow {
  run: string;
  hostId: string;
  approver: string;
  reason: string;
  envelope: string;
  state: 'sent' | 'accepted' | 'refused';
}

export interface LeaseRow {
  holder: string;
  epoch: number;
  expiresAt: number;
}

export interface ClaimRow extends LimitClaim {
  run: string;
  expiresAt: number;
}

/** Everything that is kept. Numbers that only ever grow are not taken back, as a database's sequences are not. */
export class Tables {
  readonly hosts = new Map<string, HostRow>();
  readonly runs = new Map<string, RunRow>();
  readonly incidents = new Map<string, IncidentRow>();
  readonly outbox = new Map<number, OutboxRow>();
  readonly events = new Map<string, EventRow[]>();
  readonly leases = new Map<string, LeaseRow>();
  /** By key and host. */
  readonly claims = new Map<string, ClaimRow>();
  /** By digest. */
  readonly amendments = new Map<string, AmendmentRow>();
  readonly requests = new Map<string, { hostId: string; answered: boolean }>();
  /** By order digest. */
  readonly orders = new Map<string, { run: string; hostId: string }>();
  auditEntries = 0;
  #number = 0;
  /** Hosts of which something else is true than what {@link Tables.presenceIn} said last. */
  readonly #seen = new Set<string>();
  #presence: { run: string; hosts: number; of: ReadonlyMap<string, Presence> } | null = null;

  next(): number {
    return ++this.#number;
  }

  /** An agent was heard, its connection ended, or its facts came. */
  seen(host: HostRow, change: Partial<Presence>): void {
    host.presence = { ...host.presence, ...change };
    this.#seen.add(host.id);
  }

  /** The same map again while nothing has changed: a night asks for it thousands of times. */
  presenceIn({ id, hosts }: RunRow): ReadonlyMap<string, Presence> {
    const known = this.#presence;
    const isKnown = known?.run === id && known.hosts === hosts.size;
    if (isKnown && this.#seen.size === 0) return known.of;
    const of = new Map(isKnown ? known.of : []);
    for (const hostId of isKnown ? this.#seen : hosts.keys())
      if (hosts.has(hostId)) of.set(hostId, present(this.hosts.get(hostId), hostId).presence);
    this.#seen.clear();
    this.#presence = { run: id, hosts: hosts.size, of };
    return of;
  }
}

/** What a transaction has to do to be as if it had never been, the last thing first. */
export class UndoLog {
  readonly #steps: (() => void)[] = [];

  set<K, V>(map: Map<K, V>, key: K, value: V): void {
    const before = map.get(key);
    this.#steps.push(before === undefined && !map.has(key) ? () => map.delete(key) : () => map.set(key, before as V));
    map.set(key, value);
  }

  remove<K, V>(map: Map<K, V>, key: K): void {
    const before = map.get(key);
    if (before === undefined) return;
    this.#steps.push(() => map.set(key, before));
    map.delete(key);
  }

  /** Replaces members of an object that stays the same one. */
  change<T extends object>(row: T, change: Partial<T>): void {
    const before: Partial<T> = {};
    for (const key of Object.keys(change) as (keyof T)[]) before[key] = row[key];
    this.#steps.push(() => Object.assign(row, before));
    Object.assign(row, change);
  }

  append<T>(list: T[], items: readonly T[]): void {
    const { length } = list;
    this.#steps.push(() => {
      list.length = length;
    });
    list.push(...items);
  }

  rollBack(): void {
    for (const step of this.#steps.toReversed()) step();
  }
}
