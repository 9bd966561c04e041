import type { DeliveryStore, DueMessage } from '@tidemark/controller/loops/deliver.ts';
import type {
  Leases,
  NewRunEvent,
  OrchestratorStore,
  RunReads,
  RunTransaction,
} from '@tidemark/controller/orchestrator/ports.ts';
import {
  DatabaseLost,
  FAIR,
  type HostRecord,
  type IncidentRecord,
  type NewHost,
  type RunRecord,
  type Weather,
} from './database.ts';
import { memoryClaims } from './memory-claims.ts';
import { factsOf, headOf, isLive, memoryTransaction, storedHost } from './memory-transaction.ts';
import { type HostRow, Tables, UndoLog } from './tables.ts';

/**
 * The orchestrator's store in memory: the same contract as the one over PostgreSQL (test/contract/orchestrator-store-suite),
 * with one transaction after the other. What is in {@link Tables} survives a controller; nothing else does.
 */
export class MemoryDatabase {
  readonly tables = new Tables();
  readonly #now: () => number;
  readonly #plans: ReadonlyMap<string, string>;
  readonly #sharesLimits: boolean;
  #last: Promise<unknown> = Promise.resolve();

  /** `plans`: names by digest. Where there is one run only, nothing is shared with others, and its claims cost time. */
  constructor(now: () => number, plans: ReadonlyMap<string, string>, { sharesLimits = false } = {}) {
    this.#now = now;
    this.#plans = plans;
    this.#sharesLimits = sharesLimits;
  }

  addHost(host: NewHost & { state?: HostRow['state'] }): void {
    this.tables.hosts.set(host.id, {
      ...{ state: 'enrolled', acknowledged: 0, dispatchSequence: 0 },
      ...host,
      presence: { connected: false, lastSeenAt: null, factsObservedAt: host.facts?.observedAt ?? null },
    });
  }

  /** As the enrolment notes it: an agent was heard, or its connection ended. */
  seen(hostId: string, at: number, connected: boolean): void {
    const host = this.tables.hosts.get(hostId);
    if (host) this.tables.seen(host, { lastSeenAt: at, connected });
  }

  /** A controller that starts knows of no connection. */
  forgetConnections(): void {
    for (const host of this.tables.hosts.values()) this.tables.seen(host, { connected: false });
  }

  recordFacts(hostId: string, facts: Readonly<Record<string, unknown>>, observedAt: number): void {
    const host = this.tables.hosts.get(hostId);
    if (!host) return;
    host.facts = { facts, observedAt };
    this.tables.seen(host, { factsObservedAt: observedAt });
  }

  /** For a person. False where there is none that is open. */
  resolveIncident(key: string): boolean {
    const incident = this.tables.incidents.get(key);
    if (incident?.state !== 'open') return false;
    this.tables.incidents.set(key, { ...incident, state: 'resolved' });
    return true;
  }

  run(): RunRecord | null {
    return this.tables.runs.values().next().value ?? null;
  }

  events(): readonly NewRunEvent[] {
    return this.tables.events.values().next().value ?? [];
  }

  incidents(): readonly IncidentRecord[] {
    return [...this.tables.incidents.values()];
  }

  hosts(): ReadonlyMap<string, HostRecord> {
    const run = this.tables.runs.values().next().value;
    return new Map([...(run?.hosts ?? [])].map(([id, { heldBecause, jobs }]) => [id, { held: heldBecause, jobs }]));
  }

  /** All or nothing, one after the other. The work awaits nothing but this store, or all would wait for it. */
  async transaction<T>(weather: Weather, work: (undo: UndoLog) => Promise<T>): Promise<T> {
    await weather.before();
    const mine = this.#last.then(() => this.#alone(weather, work));
    this.#last = mine.catch(() => {});
    return mine;
  }

  async #alone<T>(weather: Weather, work: (undo: UndoLog) => Promise<T>): Promise<T> {
    const undo = new UndoLog();
    try {
      const result = await work(undo);
      const commit = weather.commit();
      if (commit === 'unknown') throw new CommitUnknown();
      if (commit === 'lost') throw new DatabaseLost('the connection to the database was lost before the commit');
      return result;
    } catch (error) {
      if (error instanceof CommitUnknown)
        throw new DatabaseLost('the connection to the database was lost while it committed', { cause: error });
      undo.rollBack();
      throw error;
    }
  }

  /** One controller's access to it. */
  orchestrator(weather: Weather = FAIR): OrchestratorStore {
    return {
      transaction: work => this.transaction(weather, undo => work(this.#transactionOf(undo))),
      read: this.#reads(weather),
    };
  }

  #transactionOf(undo: UndoLog): RunTransaction {
    const transaction = memoryTransaction(this.tables, undo, this.#now);
    return this.#sharesLimits ? { ...transaction, claims: memoryClaims(this.tables, undo, this.#now) } : transaction;
  }

  #reads(weather: Weather): RunReads {
    const { tables } = this;
    const reading = async <T>(read: () => T): Promise<T> => {
      await weather.before();
      return read();
    };
    return {
      activeRuns: () => reading(() => [...tables.runs.values()].filter(run => isLive(tables, run)).map(({ id }) => id)),
      runs: () =>
        reading(() =>
          [...tables.runs.values()].toReversed().map(({ hosts: _, waves: __, ...run }) => ({
            ...run,
            planName: this.#plans.get(run.plan) ?? '',
          })),
        ),
      run: id =>
        reading(() => {
          const run = tables.runs.get(id);
          if (!run) return null;
          const hosts = [...run.hosts].map(([hostId, host]) => [hostId, storedHost(tables, host)] as const);
          return { ...headOf(tables, run), hosts: new Map(hosts) };
        }),
      factsOf: hostIds => reading(() => factsOf(tables, hostIds)),
      events: (run, afterId, limit) =>
        reading(() => (tables.events.get(run) ?? []).filter(({ id }) => id > afterId).slice(0, limit)),
      job: (run, hostName, position, direction) =>
        reading(() => {
          const host = [...(tables.runs.get(run)?.hosts.values() ?? [])].find(one => one.hostName === hostName);
          const job = host?.jobs.find(one => one.position === position && one.direction === direction);
          return job ? { ...job, output: null } : null;
        }),
      reported: hostId => reading(() => tables.hosts.get(hostId)?.acknowledged ?? 0),
    };
  }

  delivery(weather: Weather, offer: DeliveryStore['offer']): DeliveryStore {
    const { tables } = this;
    return {
      due: async (hostIds, limit) => {
        await weather.before();
        if (tables.outbox.size === 0) return [];
        const wanted = new Set(hostIds);
        const due: DueMessage[] = [];
        for (const row of tables.outbox.values()) if (wanted.has(row.hostId)) due.push(row);
        return due.sort((a, b) => a.id - b.id).slice(0, limit);
      },
      markSent: ids =>
        this.transaction(weather, async undo => {
          for (const id of ids) undo.remove(tables.outbox, id);
        }),
      offer: async (plan, hostId) => {
        await weather.before();
        const live = [...tables.runs.values()].some(run => run.plan === plan && isLive(tables, run));
        return live ? offer(plan, hostId) : null;
      },
      dispatch: ({ run, orderDigest, hostId }) =>
        this.transaction(weather, async undo => {
          const row = tables.runs.get(run)?.hosts.get(hostId);
          const lease = tables.leases.get(`run:${run}`);
          const host = tables.hosts.get(hostId);
          if (!row || !lease || !host || row.orderDigest !== orderDigest || !isLive(tables, run)) return null;
          const sequence = host.dispatchSequence + 1;
          undo.change(host, { dispatchSequence: sequence });
          return { frontier: row.frontier, direction: row.direction, epoch: lease.epoch, sequence };
        }),
      amendment: async digest => {
        await weather.before();
        const row = tables.amendments.get(digest);
        return row?.state === 'sent' ? Buffer.from(row.envelope, 'utf8') : null;
      },
      forgetSent: async () => {},
      forgetTokens: async () => 0,
    };
  }

  /** Of one process: what it holds it remembers, and forgets when it dies. */
  leases(weather: Weather): Leases {
    const held = new Map<string, { holder: string; epoch: number }>();
    return {
      take: (name, holder, ttlMs) =>
        this.transaction(weather, async undo => {
          const now = this.#now();
          const row = this.tables.leases.get(name);
          const mine = held.get(name);
          if (row && mine?.holder === holder && row.holder === holder && row.epoch === mine.epoch) {
            undo.change(row, { expiresAt: now + ttlMs });
            return row.epoch;
          }
          held.delete(name);
          if (row && row.holder !== holder && row.expiresAt > now) return null;
          const epochs = [...this.tables.leases.values()].map(lease => lease.epoch);
          const epoch = Math.max(0, ...epochs) + 1;
          undo.set(this.tables.leases, name, { holder, epoch, expiresAt: now + ttlMs });
          held.set(name, { holder, epoch });
          return epoch;
        }),
    };
  }
}

class CommitUnknown extends Error {}
