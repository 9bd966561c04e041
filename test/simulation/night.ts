import { createKnownPlans } from '@tidemark/controller/orchestrator/known-plans.ts';
import type { NewRunEvent } from '@tidemark/controller/orchestrator/ports.ts';
import { present } from '@tidemark/shared/base/assert.ts';
import type { Plan } from '@tidemark/shared/orders/plan.ts';
import { encodeEnvelope } from '@tidemark/shared/signing/dsse.ts';
import { ControllerProcess, type Ground } from './controller.ts';
import { Engine } from './engine.ts';
import { drawHostFate } from './faults.ts';
import { SimulatedHost, type Witness } from './host.ts';
import { HostLink } from './network.ts';
import { Person } from './person.ts';
import { type NightOptions, type PreparedNight, prepareNight } from './prepared.ts';
import { PROPERTIES } from './properties/all.ts';
import type { Records } from './properties/property.ts';
import { approvalOf, askedOnce, dispatchKey, TRUST_ROOT } from './signers.ts';
import type { NewHost } from './store/database.ts';
import { MemoryDatabase } from './store/memory-store.ts';
import type { MakeTwin, TwinDatabase } from './store/twin.ts';
import { finishesYet, hasBegun, isPatched, isTakenBack, isTouched, World } from './world.ts';

export interface Violation {
  property: string;
  at: number;
  message: string;
}

export interface NightResult {
  seed: number;
  violations: Violation[];
  state: string;
  reason: string;
  /** Milliseconds from the window's start to the end of the last job. */
  makespanMs: number;
  patched: number;
  takenBack: number;
  untouched: number;
  /** Begun and left before anything was touched. */
  leftAlone: number;
  /** Touched, and neither patched nor taken back. */
  halfDone: string[];
  troubles: number;
  controllers: number;
  events: readonly NewRunEvent[];
  run: string;
  plan: Plan;
}

/** After the window: whoever has begun comes to its end, and what waits for a person is closed. */
const AFTERWARDS_MS = 2 * 3_600_000;
/** After the end of the run: what agents still have to say is heard. */
const SETTLE_MS = 3 * 60_000;
/** And what was released finishes by itself, also where a person went on without the host. */
const FINISHES_MS = 60 * 60_000;
/** The property of a night that is played over two stores at once. */
const SAME = 'both stores say the same';

/**
 * Plays one night, over a store in memory; with `makeTwin`, over PostgreSQL at the same time. What a seed does is the same on every machine; a bug of the code under test is thrown or a
 * violation.
 */
export async function playNight(options: NightOptions, makeTwin: MakeTwin | null = null): Promise<NightResult> {
  const night = new Night(prepareNight(options), makeTwin);
  await night.play();
  return night.result();
}

class Night implements Witness {
  readonly #prepared: PreparedNight;
  readonly #engine: Engine;
  readonly #database: MemoryDatabase;
  readonly #twin: TwinDatabase | null;
  readonly #world: World;
  readonly #controllers: ControllerProcess[] = [];
  readonly #links: HostLink[] = [];
  readonly #ground: Ground;
  readonly #violations = new Map<string, Violation>();
  #lastEndAt = 0;
  #endedAt: number | null = null;
  #lives = 0;

  constructor(prepared: PreparedNight, makeTwin: MakeTwin | null) {
    const { plan, landscape, random } = prepared;
    this.#prepared = prepared;
    this.#engine = new Engine(plan.header.window.start, random.fork('order of events'));
    const now = () => this.#engine.now;
    const plans = new Map([[plan.digest, plan.header.name]]);
    this.#twin = makeTwin?.(now, plans, this.#engine.real) ?? null;
    this.#database = this.#twin ?? new MemoryDatabase(now, plans);
    const hosts = plan.header.hosts.map(({ id, name }) => ({ id, name, facts: landscape.input.facts.get(id) ?? null }));
    for (const host of hosts) this.#database.addHost(host);
    this.#ground = this.#makeGround();
    this.#world = this.#makeWorld(hosts);
  }

  async play(): Promise<void> {
    const { plan, fate } = this.#prepared;
    for (let number = 0; number < fate.controllers; number++) this.#boot(number);
    this.#planTroubles();
    this.#apply();
    this.#engine.every(60_000, () =>
      this.#judge((property, moment) => property.everyMinute?.(moment, this.#records())),
    );
    const over = () => {
      const since = this.#endedAt === null ? 0 : this.#engine.now - this.#endedAt;
      return (
        since > FINISHES_MS || (since > SETTLE_MS && !this.#world.hosts.some(truth => finishesYet(this.#world, truth)))
      );
    };
    await this.#engine.run(plan.header.window.end + AFTERWARDS_MS, over, () => this.#noteEnd());
    const hosts = this.#database.hosts();
    this.#judge((property, moment) => property.atEnd?.(moment, { ...this.#records(), hosts }));
    await this.#twin?.compareAll();
    this.#judgeTwin();
  }

  result(): NightResult {
    const { options, plan, fate } = this.#prepared;
    const run = this.#database.run();
    const { hosts } = this.#world;
    const open = hosts.filter(
      truth => hasBegun(truth) && !isPatched(this.#world, truth) && !isTakenBack(this.#world, truth),
    );
    const halfDone = open.filter(isTouched);
    return {
      seed: options.seed,
      violations: [...this.#violations.values()],
      state: run?.state ?? 'never begun',
      reason: run?.reason ?? '',
      makespanMs: this.#lastEndAt - plan.header.window.start,
      patched: hosts.filter(truth => isPatched(this.#world, truth)).length,
      takenBack: hosts.filter(truth => isTakenBack(this.#world, truth)).length,
      untouched: hosts.filter(truth => !hasBegun(truth)).length,
      leftAlone: open.length - halfDone.length,
      halfDone: halfDone.map(
        ({ planned, host }) => `${planned.name} (${host.fate.troubles.join(', ') || 'no trouble of its own'})`,
      ),
      troubles: hosts.filter(({ host }) => host.fate.troubles.length > 0).length,
      controllers: fate.controllers,
      events: this.#database.events(),
      run: run?.id ?? '',
      plan,
    };
  }

  started(host: SimulatedHost, position: number, direction: 'forward' | 'undo', attempt: number): void {
    const truth = present(this.#world.byName.get(host.name), host.name);
    const started = { truth, position, direction, attempt };
    this.#judge((property, moment) => property.onStart?.(moment, started));
    this.#world.noteStart(started, this.#engine.now);
  }

  ended(host: SimulatedHost, position: number, direction: 'forward' | 'undo', outcome: string): void {
    const truth = present(this.#world.byName.get(host.name), host.name);
    this.#world.noteEnd(truth, position, direction, outcome);
    this.#lastEndAt = this.#engine.now;
    if (truth.order.jobs[position]?.call.kind === 'cluster/handover' && outcome === 'succeeded')
      this.#failOver(host.name);
  }

  #makeGround(): Ground {
    const { plan, document, fate, random, options } = this.#prepared;
    const { digest, orders } = plan;
    const approval = approvalOf(this.#prepared);
    const encoded = encodeEnvelope(approval);
    const byHost = new Map(orders.map(planned => [planned.order.host.id, planned]));
    return {
      engine: this.#engine,
      database: this.#database,
      planOf: createKnownPlans({ document: async asked => (asked === digest ? document : null) }, [plan]),
      approvals: {
        of: async (_, gate = 'plan') => (gate === 'plan' ? [approval] : []),
        trustRoot: async () => TRUST_ROOT,
      },
      offer: async (_, hostId) => {
        const planned = byHost.get(hostId);
        return planned ? { order: planned.bytes, proof: planned.proof, approvals: [encoded] } : null;
      },
      isTrue: askedOnce(),
      dispatchKey,
      fate,
      random: random.fork('database'),
      looksSeldom: options.faults > 0,
      started: () => {
        for (const link of this.#links) link.forgotten();
      },
    };
  }

  #makeWorld(all: readonly NewHost[]): World {
    const { plan, landscape, policy, fate, options, pace, nightMs } = this.#prepared;
    const { faults, calm, spread } = options;
    const orders = new Map(plan.orders.map(({ digest, order }) => [digest, order]));
    const byName = new Map(plan.orders.map(({ order }) => [order.host.name, order]));
    const hosts = new Map<string, SimulatedHost>();
    for (const { id, name, facts: known } of all) {
      const random = this.#prepared.random.fork(`host ${name}`);
      const hostFate = drawHostFate(random.fork('fate'), {
        ...{ faults, calm, pace, nightMs, order: byName.get(name) ?? null, start: this.#engine.now },
        ...(spread === undefined ? {} : { spread }),
      });
      const facts = structuredClone(known?.facts ?? {}) as Record<string, unknown>;
      const host = new SimulatedHost({ id, name, fate: hostFate, facts, engine: this.#engine, witness: this, orders });
      hosts.set(name, host);
      this.#links.push(
        new HostLink({
          ...{ engine: this.#engine, host, database: this.#database, fate },
          controllers: () => this.#controllers,
          random: random.fork('network'),
        }),
      );
    }
    return new World(plan, { landscape: landscape.input.landscape, tiers: policy.tiers }, hosts);
  }

  #boot(number: number): void {
    this.#controllers[number] = new ControllerProcess(`controller-${number}-${++this.#lives}`, this.#ground);
  }

  #planTroubles(): void {
    const { fate, landscape, random } = this.#prepared;
    for (const { at, controller, downMs } of fate.crashes) {
      this.#engine.at(at, () => {
        if (!this.#controllers[controller]?.alive) return;
        this.#controllers[controller].crash();
        this.#engine.after(downMs, () => this.#boot(controller));
      });
    }
    for (const { at, controller, forMs } of fate.stalls)
      this.#engine.at(at, () => this.#controllers[controller]?.stall(forMs));
    for (const { at, pair } of fate.failovers) {
      const member = landscape.input.landscape.clusters[pair]?.members[0];
      if (member !== undefined) this.#engine.at(at, () => this.#failOver(member));
    }
    new Person({
      ...{ engine: this.#engine, database: this.#database, fate, random: random.fork('person') },
      controllers: () => this.#controllers,
    });
  }

  /** The members of this host's pair change roles. */
  #failOver(name: string): void {
    const pair = this.#prepared.landscape.input.landscape.clusters.find(({ members }) => members.includes(name));
    for (const member of pair?.members ?? []) {
      const facts = this.#world.byName.get(member)?.host.facts['pair'] as { active: boolean } | undefined;
      if (facts) facts.active = !facts.active;
    }
  }

  /** A person begins the run, and tries again while the database or the controller is away. */
  #apply(): void {
    const controller = this.#controllers.find(({ alive }) => alive);
    const again = () => this.#engine.after(5_000, () => this.#apply());
    if (this.#database.run() !== null) return;
    if (!controller) {
      again();
      return;
    }
    controller.do(async () => {
      const applied = await controller.orchestrator.apply({ plan: this.#prepared.plan.digest, by: 'olga' });
      if (!applied.ok && applied.error.code !== 'already-run') throw new Error(applied.error.message);
    }, again);
  }

  #records(): Records {
    const run = this.#database.run();
    return {
      events: this.#database.events(),
      state: run?.state ?? 'never begun',
      endedAt: run?.endedAt ?? null,
      incidents: this.#database.incidents(),
      hosts: new Map(),
    };
  }

  readonly #releasedAt = (host: string, job: string): number | null =>
    this.#database.events().findLast(event => event.event === 'released' && event.host === host && event.job === job)
      ?.at ?? null;

  #noteEnd(): void {
    if (this.#endedAt !== null) return;
    if ((this.#database.run()?.endedAt ?? null) !== null) this.#endedAt = this.#engine.now;
  }

  #judge(
    ask: (
      property: (typeof PROPERTIES)[number],
      moment: Parameters<NonNullable<(typeof PROPERTIES)[number]['onStart']>>[0],
    ) => string | null | undefined,
  ): void {
    const moment = {
      ...{ world: this.#world, now: this.#engine.now, calm: this.#prepared.options.calm },
      approvalExpiresAt: this.#prepared.fate.approvalExpiresAt,
      restarts: this.#prepared.fate.crashes.map(({ at, downMs }) => ({ from: at, to: at + downMs })),
      releasedAt: this.#releasedAt,
    };
    for (const property of PROPERTIES) {
      if (this.#violations.has(property.name)) continue;
      const message = ask(property, moment);
      if (message) this.#break(property.name, message);
    }
    this.#judgeTwin();
  }

  #judgeTwin(): void {
    const difference = this.#twin?.difference ?? null;
    if (difference !== null && !this.#violations.has(SAME)) this.#break(SAME, difference);
  }

  #break(property: string, message: string): void {
    this.#violations.set(property, { property, at: this.#engine.now, message });
  }
}
