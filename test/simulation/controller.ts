import type { KeyObject } from 'node:crypto';
import type { ToAgent } from '@tidemark/controller/link/messages.ts';
import { type DeliveryStore, deliver } from '@tidemark/controller/loops/deliver.ts';
import type { KnownPlans } from '@tidemark/controller/orchestrator/known-plans.ts';
import type { Approvals, IsTrue } from '@tidemark/controller/orchestrator/ports.ts';
import { createOrchestrator, type Orchestrator } from '@tidemark/controller/orchestrator/service.ts';
import type { Engine } from './engine.ts';
import type { NightFate } from './faults.ts';
import type { Random } from './random.ts';
import { DatabaseLost, type Weather } from './store/database.ts';
import type { MemoryDatabase } from './store/memory-store.ts';

/** What a controller can reach while it is connected to a host. */
export interface Session {
  hostId: string;
  send(message: ToAgent): void;
  /** Ends it from the controller's side; the agent finds out. */
  close(): void;
}

export interface Ground {
  engine: Engine;
  database: MemoryDatabase;
  /** Read once: it is the same for every life of every controller. */
  planOf: KnownPlans;
  approvals: Approvals;
  offer: DeliveryStore['offer'];
  isTrue: IsTrue;
  dispatchKey: KeyObject;
  fate: NightFate;
  random: Random;
  /** Only what makes a night cheaper to play. */
  looksSeldom: boolean;
  /** A controller has started, which knows of no connection. */
  started(): void;
}

/** A decision follows its cause at once; this is the time that a real one takes to get round to it. */
const WAKE_MS = 100;
/** As production: what the rules wait for without anybody's word is over within a second. */
const IDLE_MS = 1_000;
/** Where things go wrong: so it is looked six times a minute, and a night costs a third of that. */
const SELDOM_MS = 10_000;

/** One life of one controller: the production orchestrator and its loops, over what survives it. */
export class ControllerProcess {
  alive = true;
  readonly name: string;
  readonly sessions = new Map<string, Session>();
  readonly orchestrator: Orchestrator;
  readonly #ground: Ground;
  readonly #delivery: DeliveryStore;
  readonly #loops: { tick: Loop; deliver: Loop };
  #stalledUntil = 0;

  constructor(name: string, ground: Ground) {
    this.name = name;
    this.#ground = ground;
    const { engine, database, planOf, approvals, isTrue } = ground;
    const weather = this.#weather();
    this.#delivery = database.delivery(weather, ground.offer);
    this.orchestrator = createOrchestrator({
      ...{ planOf, approvals, isTrue },
      store: database.orchestrator(weather),
      leases: database.leases(weather),
      clock: engine.clock,
      holder: name,
      wake: () => this.wake(),
    });
    this.#loops = {
      tick: new Loop(this, engine, async () => {
        try {
          await this.orchestrator.tick();
        } finally {
          this.#loops.deliver.wake();
        }
      }),
      deliver: new Loop(this, engine, () => this.#deliver()),
    };
    database.forgetConnections();
    ground.started();
    const everyMs = ground.looksSeldom ? SELDOM_MS : IDLE_MS;
    this.#loops.tick.start(everyMs);
    this.#loops.deliver.start(everyMs);
  }

  wake(): void {
    this.#loops.tick.wake();
  }

  wakeDelivery(): void {
    this.#loops.deliver.wake();
  }

  stall(forMs: number): void {
    this.#stalledUntil = this.#ground.engine.now + forMs;
  }

  get isStalled(): boolean {
    return this.#ground.engine.now < this.#stalledUntil;
  }

  /** With everything that it had in memory, between any two things that it did. */
  crash(): void {
    this.alive = false;
    const sessions = [...this.sessions.values()];
    this.sessions.clear();
    for (const session of sessions) session.close();
  }

  /**
   * Work of this process that may meet a database that is away. Anything else that goes wrong is a bug of the code under
   * test and ends the simulation.
   */
  do(work: () => Promise<unknown>, lost: () => void = () => {}): void {
    if (!this.alive) return;
    this.#ground.engine.stir();
    work().catch(error => {
      if (!this.alive) return;
      if (!isDatabaseLost(error)) this.#ground.engine.fail(error);
      lost();
    });
  }

  #weather(): Weather {
    const { engine, fate, random } = this.#ground;
    const isAway = () => fate.outages.some(({ at, forMs }) => engine.now >= at && engine.now < at + forMs);
    return {
      before: async () => {
        await engine.gate(this);
        if (this.isStalled)
          await new Promise<void>(goOn =>
            engine.at(this.#stalledUntil, () => {
              engine.stir();
              goOn();
            }),
          );
        if (!this.alive) await new Promise(() => {});
        if (isAway()) throw new DatabaseLost('the database does not answer');
      },
      commit: () => {
        const die = random.unit();
        if (die < fate.commit.lost) return 'lost';
        return die < fate.commit.lost + fate.commit.unknown ? 'unknown' : 'done';
      },
    };
  }

  async #deliver(): Promise<void> {
    await deliver({
      store: this.#delivery,
      knownRoot: async () => null,
      sessions: {
        connected: () => [...this.sessions.keys()],
        send: (hostId, message) => {
          const session = this.sessions.get(hostId);
          session?.send(message);
          return session !== undefined;
        },
      },
      dispatchKey: this.#ground.dispatchKey,
      clock: this.#ground.engine.clock,
      log: { info: () => {}, error: () => {} },
    });
  }
}

/** As the production loops: one round at a time, and another one where it was woken meanwhile. */
class Loop {
  #runs = false;
  #again = false;
  #planned = false;
  readonly #owner: ControllerProcess;
  readonly #engine: Engine;
  readonly #round: () => Promise<void>;

  constructor(owner: ControllerProcess, engine: Engine, round: () => Promise<void>) {
    this.#owner = owner;
    this.#engine = engine;
    this.#round = round;
  }

  start(everyMs: number): void {
    if (!this.#owner.alive) return;
    this.#begin();
    this.#engine.after(everyMs, () => this.start(everyMs));
  }

  wake(): void {
    if (this.#planned) return;
    this.#planned = true;
    this.#engine.after(WAKE_MS, () => {
      this.#planned = false;
      this.#begin();
    });
  }

  #begin(): void {
    if (!this.#owner.alive) return;
    if (this.#runs) {
      this.#again = true;
      return;
    }
    this.#runs = true;
    const end = () => {
      this.#runs = false;
      if (this.#again) this.wake();
      this.#again = false;
    };
    this.#owner.do(() => this.#round().then(end), end);
  }
}

function isDatabaseLost(error: unknown): boolean {
  if (error instanceof DatabaseLost) return true;
  if (error instanceof AggregateError) return error.errors.every(isDatabaseLost);
  return error instanceof Error && error.cause !== undefined && isDatabaseLost(error.cause);
}
