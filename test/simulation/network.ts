import type { ToAgent } from '@tidemark/controller/link/messages.ts';
import type { Report } from '@tidemark/shared/orders/report.ts';
import type { ControllerProcess } from './controller.ts';
import type { Engine } from './engine.ts';
import type { NightFate } from './faults.ts';
import type { SimulatedHost } from './host.ts';
import type { Random } from './random.ts';
import type { MemoryDatabase } from './store/memory-store.ts';

type ToController =
  | { type: 'hello' }
  | { type: 'reports'; reports: Report[] }
  | { type: 'facts'; request: string; facts: Record<string, unknown> };

/** Heartbeats come every ten seconds, and the third that is missing ends a connection. */
const HEARTBEAT_MS = 10_000;
const UNHEARD_MS = 3 * HEARTBEAT_MS;
/** What comes late comes from a connection that was thought to be over. */
const LATE_MS = 40_000;

/**
 * The connection of one host, one after the other: a stream to a controller that keeps its order, until it breaks. What it
 * loses, repeats and brings late follows from that: an agent that connects anew says again what was not acknowledged, and
 * a message of the old connection may arrive after one of the new.
 */
export class HostLink {
  readonly #engine: Engine;
  readonly #host: SimulatedHost;
  readonly #database: MemoryDatabase;
  readonly #controllers: () => readonly ControllerProcess[];
  readonly #fate: NightFate;
  readonly #random: Random;
  #connection: Connection | null = null;
  #tries = 0;

  constructor(options: {
    engine: Engine;
    host: SimulatedHost;
    database: MemoryDatabase;
    controllers: () => readonly ControllerProcess[];
    fate: NightFate;
    random: Random;
  }) {
    this.#engine = options.engine;
    this.#host = options.host;
    this.#database = options.database;
    this.#controllers = options.controllers;
    this.#fate = options.fate;
    this.#random = options.random;
    this.#host.onReport = () => this.#connection?.report();
    this.#host.onPower = () => {
      if (this.#host.isUp) this.#connect();
      else this.#connection?.vanish();
    };
    for (const { from } of this.#host.fate.cutOff) this.#engine.at(from, () => this.#connection?.vanish());
    this.#engine.after(this.#random.int(0, 2_000), () => this.#connect());
  }

  /** The database knows of no connection any more: the next heartbeat says otherwise. */
  forgotten(): void {
    this.#connection?.beatSoon();
  }

  #isCutOff(): boolean {
    return this.#host.fate.cutOff.some(({ from, to }) => this.#engine.now >= from && this.#engine.now < to);
  }

  #connect(): void {
    if (this.#connection || !this.#host.isUp) return;
    const there = this.#isCutOff() ? [] : this.#controllers().filter(({ alive, isStalled }) => alive && !isStalled);
    if (there.length === 0) {
      this.#tryAgain();
      return;
    }
    this.#tries = 0;
    this.#connection = new Connection({
      engine: this.#engine,
      host: this.#host,
      database: this.#database,
      controller: this.#random.pick(there),
      fate: this.#fate,
      random: this.#random,
      ended: () => {
        this.#connection = null;
        this.#tryAgain();
      },
      // The host may speak to another controller by now, whose next heartbeat says so.
      notedAsGone: () => this.#connection?.beatSoon(),
    });
  }

  #tryAgain(): void {
    const wait = Math.min(60_000, 1_000 * 2 ** this.#tries++);
    this.#engine.after(this.#random.int(wait / 2, wait), () => this.#connect());
  }
}

class Connection {
  readonly #engine: Engine;
  readonly #host: SimulatedHost;
  readonly #database: MemoryDatabase;
  readonly #controller: ControllerProcess;
  readonly #fate: NightFate;
  readonly #random: Random;
  readonly #ended: () => void;
  readonly #notedAsGone: () => void;
  /** What the controller has not worked off yet, in its order. */
  readonly #inbox: ToController[] = [];
  #working = false;
  #agentHasIt = true;
  #controllerHasIt = true;
  #isWelcome = false;
  #welcomeAt = 0;
  #reported = 0;
  #reporting = false;
  /** In each direction, when the message before arrives: a stream keeps its order. */
  #arrival = { toAgent: 0, toController: 0 };

  constructor(options: {
    engine: Engine;
    host: SimulatedHost;
    database: MemoryDatabase;
    controller: ControllerProcess;
    fate: NightFate;
    random: Random;
    ended: () => void;
    notedAsGone: () => void;
  }) {
    this.#engine = options.engine;
    this.#host = options.host;
    this.#database = options.database;
    this.#controller = options.controller;
    this.#fate = options.fate;
    this.#random = options.random;
    this.#ended = options.ended;
    this.#notedAsGone = options.notedAsGone;
    this.#toController({ type: 'hello' });
  }

  /** The agent has something to say. */
  report(): void {
    if (!this.#isWelcome || this.#reporting || !this.#agentHasIt) return;
    this.#reporting = true;
    this.#engine.after(20, () => {
      this.#reporting = false;
      if (!this.#agentHasIt) return;
      const reports = this.#host.spool.filter(({ sequence }) => sequence > this.#reported);
      const last = reports.at(-1);
      if (!last) return;
      this.#reported = last.sequence;
      this.#toController({ type: 'reports', reports });
    });
  }

  beatSoon(): void {
    const lives = () => this.#agentHasIt && this.#controllerHasIt && this.#isWelcome && this.#controller.alive;
    if (!lives()) return;
    const next = this.#random.int(0, HEARTBEAT_MS);
    this.#database.seen(this.#host.id, this.#engine.now - HEARTBEAT_MS + next, false);
    this.#engine.after(next, () => {
      if (lives()) this.#database.seen(this.#host.id, this.#engine.now, true);
    });
  }

  /** No packet passes any more; both sides find out by what they do not hear. */
  vanish(): void {
    this.#agentGone();
    this.#engine.after(UNHEARD_MS, () => this.#controllerGone());
  }

  #agentGone(): void {
    if (!this.#agentHasIt) return;
    this.#agentHasIt = false;
    this.#engine.after(this.#host.isUp ? this.#random.int(100, UNHEARD_MS) : 0, this.#ended);
  }

  /** The controller's end is over: it says so in the database. */
  #controllerGone(): void {
    if (!this.#controllerHasIt) return;
    this.#controllerHasIt = false;
    if (this.#controller.sessions.get(this.#host.id)?.close === this.#close)
      this.#controller.sessions.delete(this.#host.id);
    else if (this.#controller.sessions.has(this.#host.id)) return;
    if (!this.#controller.alive) return;
    this.#database.seen(this.#host.id, this.#engine.now, false);
    this.#notedAsGone();
    this.#controller.wake();
  }

  readonly #close = (): void => {
    // Heartbeats are not events of their own: what the last one left in the database is worked out when it matters.
    const beats = Math.floor((this.#engine.now - this.#welcomeAt) / HEARTBEAT_MS);
    if (!this.#controller.alive) this.#database.seen(this.#host.id, this.#welcomeAt + beats * HEARTBEAT_MS, true);
    this.#controllerHasIt = false;
    this.#agentGone();
  };

  #toController(message: ToController): void {
    if (this.#isLost()) return;
    const arrive = () => {
      if (!this.#controllerHasIt || !this.#controller.alive) return;
      this.#inbox.push(message);
      this.#work();
    };
    const at = this.#arrivalOf('toController');
    this.#engine.at(at, arrive);
    if (this.#random.chance(this.#fate.message.twice)) this.#engine.at(at, arrive);
  }

  #toAgent(message: ToAgent): void {
    if (this.#isLost()) return;
    const arrive = () => {
      if (this.#agentHasIt) this.#take(message);
    };
    const at = this.#arrivalOf('toAgent');
    if (this.#random.chance(this.#fate.message.late)) {
      // Stuck in a connection that breaks: the agent gets it all the same, after what the next connection brought.
      this.vanish();
      this.#engine.at(at + this.#random.int(0, LATE_MS), () => {
        if (this.#host.isUp) this.#host.take(message);
      });
      return;
    }
    this.#engine.at(at, arrive);
    if (this.#random.chance(this.#fate.message.twice)) this.#engine.at(at, arrive);
  }

  #isLost(): boolean {
    const lost = this.#random.chance(this.#fate.message.lost);
    if (lost) this.vanish();
    return lost;
  }

  #arrivalOf(direction: 'toAgent' | 'toController'): number {
    const at = Math.max(this.#arrival[direction], this.#engine.now + this.#random.int(1, 80));
    this.#arrival[direction] = at;
    return at;
  }

  #take(message: ToAgent): void {
    if (message.type !== 'observe-facts') {
      this.#host.take(message);
      return;
    }
    const { request } = message;
    this.#engine.after(this.#random.int(200, 3_000), () => {
      if (this.#agentHasIt) this.#toController({ type: 'facts', request, facts: structuredClone(this.#host.facts) });
    });
  }

  /** One message after the other, as they came. */
  #work(): void {
    const message = this.#inbox[0];
    if (this.#working || !message) return;
    this.#working = true;
    this.#controller.do(
      async () => {
        await this.#handle(message);
        this.#inbox.shift();
        this.#working = false;
        this.#work();
      },
      () => {
        // What could not be stored is not acknowledged: the stream ends, and the agent says it again on the next one.
        this.#controllerGone();
        this.#agentGone();
      },
    );
  }

  async #handle(message: ToController): Promise<void> {
    const hostId = this.#host.id;
    const { orchestrator } = this.#controller;
    switch (message.type) {
      case 'hello': {
        // As the production link does: a stream has one.
        if (this.#isWelcome) {
          this.#controllerGone();
          this.#agentGone();
          return;
        }
        this.#database.seen(hostId, this.#engine.now, true);
        const acknowledged = await orchestrator.reported(hostId);
        this.#host.acknowledge(acknowledged);
        await orchestrator.onHello({ hostId, standings: this.#host.standings() });
        this.#welcome();
        return;
      }
      case 'reports': {
        const acknowledged = await orchestrator.record({ hostId, reports: message.reports });
        this.#engine.after(this.#random.int(1, 80), () => {
          if (this.#agentHasIt) this.#host.acknowledge(acknowledged);
        });
        return;
      }
      case 'facts':
        this.#database.recordFacts(hostId, message.facts, this.#engine.now);
        await orchestrator.onFacts({ hostId, request: message.request });
        return;
    }
  }

  #welcome(): void {
    if (!this.#controllerHasIt) return;
    this.#controller.sessions.get(this.#host.id)?.close();
    const send = (message: ToAgent) => this.#toAgent(message);
    this.#controller.sessions.set(this.#host.id, { hostId: this.#host.id, send, close: this.#close });
    this.#controller.wakeDelivery();
    this.#isWelcome = true;
    this.#welcomeAt = this.#engine.now;
    this.report();
  }
}
