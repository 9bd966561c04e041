import type { DeliveryStore, DueMessage } from '@tidemark/controller/loops/deliver.ts';
import type { OrchestratorStore } from '@tidemark/controller/orchestrator/ports.ts';
import { createDeliveryStore } from '@tidemark/controller/store/delivery.ts';
import { createOrchestratorStore } from '@tidemark/controller/store/orchestrator.ts';
import type { Store } from '@tidemark/controller/store/store.ts';
import { FAIR, type NewHost, type Weather } from './database.ts';
import { MemoryDatabase } from './memory-store.ts';
import { Outside } from './outside.ts';
import { type Answer, answerOf, differenceOf, given, shown } from './same.ts';
import type { HostRow } from './tables.ts';

/** A call to PostgreSQL is under way until it settles; simulated time waits for it. */
export type UnderWay = <T>(work: () => Promise<T>) => Promise<T>;

export type MakeTwin = (now: () => number, plans: ReadonlyMap<string, string>, underWay: UnderWay) => TwinDatabase;

/** `postgres` is an empty database. */
export const twinOver =
  (postgres: Store): MakeTwin =>
  (now, plans, underWay) =>
    new TwinDatabase(now, plans, postgres, underWay);

type Calls = Record<string, (...args: never[]) => Promise<unknown>>;

/** Whose answer is a list in any order. */
const SETS = new Set(['releaseHeld', 'unansweredAmendments', 'activeOrders']);
/** Asked of the memory alone: leases go by the database's own clock. */
const MEMORY_ONLY = new Set(['holdsLease']);

/**
 * The store in memory with the one over PostgreSQL as its twin: each call goes to both, in one transaction of each, and
 * both commit or neither does. What memory answers is what is gone on with; that PostgreSQL says the same is a property of
 * the night. After the first difference PostgreSQL is asked no more.
 */
export class TwinDatabase extends MemoryDatabase {
  /** What the two answered differently first; null as long as they say the same. */
  difference: string | null = null;
  readonly #postgres: Store;
  readonly #twin: OrchestratorStore;
  readonly #underWay: UnderWay;
  readonly #outside: Outside;
  readonly #clock: () => number;
  /** What PostgreSQL calls what memory drew a number for: changes of hosts, messages, requests for facts. */
  readonly #changes = new Map<number, number>();
  readonly #messages = new Map<number, number>();
  readonly #requests = new Map<string, string>();

  constructor(now: () => number, plans: ReadonlyMap<string, string>, postgres: Store, underWay: UnderWay) {
    super(now, plans);
    this.#clock = now;
    this.#postgres = postgres;
    this.#twin = createOrchestratorStore(postgres);
    this.#underWay = underWay;
    this.#outside = new Outside(plans);
  }

  override addHost(host: NewHost & { state?: HostRow['state'] }): void {
    super.addHost(host);
    this.#outside.host(host.id);
    this.#outside.facts(host.id);
  }

  override seen(hostId: string, at: number, connected: boolean): void {
    super.seen(hostId, at, connected);
    this.#outside.host(hostId);
  }

  override forgetConnections(): void {
    super.forgetConnections();
    for (const id of this.tables.hosts.keys()) this.#outside.host(id);
  }

  override recordFacts(hostId: string, facts: Readonly<Record<string, unknown>>, observedAt: number): void {
    super.recordFacts(hostId, facts, observedAt);
    this.#outside.facts(hostId);
  }

  override resolveIncident(key: string): boolean {
    const isResolved = super.resolveIncident(key);
    if (isResolved) this.#outside.resolved(key, this.#clock());
    return isResolved;
  }

  override orchestrator(weather: Weather = FAIR): OrchestratorStore {
    return {
      transaction: async work => {
        await weather.before();
        return this.#underWay(() => this.#transact(weather, work));
      },
      read: this.#pair(super.orchestrator().read, this.#twin.read, async call => {
        await weather.before();
        return this.#underWay(async () => {
          await this.#outside.bring(this.#postgres, this.tables);
          return call();
        });
      }),
    };
  }

  /** The outbox is asked of both; what is signed and offered belongs to no store here. */
  override delivery(weather: Weather, offer: DeliveryStore['offer']): DeliveryStore {
    const memory = super.delivery(FAIR, offer);
    const twin = createDeliveryStore(this.#postgres);
    const due = this.#both('due', memory.due, twin.due);
    return {
      ...super.delivery(weather, offer),
      due: async (hostIds, limit) => {
        await weather.before();
        return this.#underWay(() => due(hostIds, limit)) as Promise<DueMessage[]>;
      },
      markSent: async ids => {
        await weather.before();
        const fate = new Fate(weather);
        await this.#underWay(async () => {
          const marked = await answerOf(() => super.delivery(fate, offer).markSent(ids));
          if (this.difference === null && fate.isCommitted)
            await twin.markSent(ids.map(id => this.#messages.get(id) ?? id));
          given(marked);
        });
      },
    };
  }

  /** At the end of a night: all that can be read. */
  async compareAll(): Promise<void> {
    const { read } = this.orchestrator();
    const hosts = [...this.tables.hosts.keys()];
    await read.activeRuns();
    await read.runs();
    await read.factsOf(hosts);
    for (const host of hosts) await read.reported(host);
    await this.delivery(FAIR, async () => null).due(hosts, Number.MAX_SAFE_INTEGER);
    for (const { id } of this.tables.runs.values()) {
      await read.run(id);
      await read.events(id, 0, Number.MAX_SAFE_INTEGER);
    }
  }

  async #transact<T>(weather: Weather, work: Parameters<OrchestratorStore['transaction']>[0]): Promise<T> {
    const fate = new Fate(weather);
    const memory = super.orchestrator(fate);
    if (this.difference !== null) return memory.transaction(work) as Promise<T>;
    await this.#outside.bring(this.#postgres, this.tables);
    let done: Answer<unknown> | null = null;
    const twin = await answerOf(() =>
      this.#twin.transaction(async postgres => {
        done = await answerOf(() =>
          memory.transaction(mine => work(this.#pair(mine, postgres as typeof mine, call => call()))),
        );
        if (!fate.isCommitted) given(done);
      }),
    );
    if (done === null) return given(twin) as T;
    const mine: Answer<unknown> = done;
    if (fate.isCommitted && 'error' in twin) this.#differ('commit', [], { value: undefined }, twin);
    return given(mine) as T;
  }

  /** Each function of one beside the one of the other; what memory leaves out is left out. */
  #pair<T extends object>(memory: T, postgres: T, within: (call: () => Promise<unknown>) => Promise<unknown>): T {
    const other = postgres as unknown as Calls;
    const calls = Object.entries(memory as unknown as Calls).map(([name, mine]) => {
      const both = MEMORY_ONLY.has(name) ? mine : this.#both(name, mine, other[name] as Calls[string]);
      return [name, (...args: never[]) => within(() => both(...args))];
    });
    return Object.fromEntries(calls) as T;
  }

  #both(name: string, mine: Calls[string], other: Calls[string]) {
    return async (...args: unknown[]): Promise<unknown> => {
      const memory = await answerOf(() => mine(...(args as never[])));
      if (this.difference === null) {
        if (name === 'createRun') await this.#sameNumber();
        const postgres = await answerOf(() => other(...(this.#toTwin(name, args) as never[])));
        this.#differ(name, args, memory, postgres);
        if (this.difference === null) this.#learn(name, memory, postgres);
      }
      return given(memory);
    };
  }

  #differ(name: string, args: unknown[], memory: Answer<unknown>, postgres: Answer<unknown>): void {
    const difference = differenceOf(memory, postgres, SETS.has(name));
    if (difference === null) return;
    this.difference ??= `${name}(${args.map(shown).join(', ')}): ${difference}`;
  }

  /** A number that was drawn for a run that was taken back is lost in PostgreSQL, and drawn again in memory. */
  async #sameNumber(): Promise<void> {
    const { sql } = this.#postgres;
    await sql`select setval(pg_get_serial_sequence('runs', 'number'), ${this.tables.runs.size}, false)`;
  }

  #toTwin(name: string, args: unknown[]): unknown[] {
    if (name === 'changedHosts') return [args[0], this.#changes.get(args[1] as number) ?? 0];
    if (name === 'answerFacts') return [args[0], this.#requests.get(args[1] as string) ?? args[1], args[2]];
    return args;
  }

  #learn(name: string, memory: Answer<unknown>, postgres: Answer<unknown>): void {
    if ('error' in memory || 'error' in postgres) return;
    if (name === 'changedHosts') {
      const [mine, other] = [memory.value, postgres.value] as { upTo: number }[];
      if (mine && other) this.#changes.set(mine.upTo, other.upTo);
    }
    if (name !== 'due') return;
    const [mine, other] = [memory.value, postgres.value] as DueMessage[][];
    mine?.forEach((message, index) => {
      const twin = other?.[index];
      if (twin === undefined) return;
      this.#messages.set(message.id, twin.id);
      if (message.kind === 'observe-facts' && twin.kind === 'observe-facts')
        this.#requests.set(message.payload.request, twin.payload.request);
    });
  }
}

/** What the weather said of a commit, for the other half to follow. */
class Fate implements Weather {
  isCommitted = false;
  readonly #weather: Weather;

  constructor(weather: Weather) {
    this.#weather = weather;
  }

  before = async (): Promise<void> => {};

  commit(): 'done' | 'lost' | 'unknown' {
    const commit = this.#weather.commit();
    this.isCommitted = commit !== 'lost';
    return commit;
  }
}
