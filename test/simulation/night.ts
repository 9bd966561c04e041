import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { NewRunEvent } from '@tidemark/controller/orchestrator/ports.ts';
import { parseCondition } from '@tidemark/controller/planner/cel.ts';
import { compile } from '@tidemark/controller/planner/compile.ts';
import { parsePolicy } from '@tidemark/controller/planner/parse-policy.ts';
import type { Policy } from '@tidemark/controller/planner/policy.ts';
import { assert, present } from '@tidemark/shared/base/assert.ts';
import { encodePlan, openPlan, type Plan, type PlanDocument } from '@tidemark/shared/orders/plan.ts';
import { signApproval } from '@tidemark/shared/signing/approval.ts';
import { type Envelope, encodeEnvelope } from '@tidemark/shared/signing/dsse.ts';
import { rawPublicKey } from '@tidemark/shared/signing/ed25519.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { ControllerProcess, type Ground } from './controller.ts';
import { Engine } from './engine.ts';
import { drawHostFate, drawNightFate, type HostFate, type NightFate } from './faults.ts';
import { SimulatedHost, type Witness } from './host.ts';
import { drawLandscape, FLEET, type Landscape } from './landscape.ts';
import { HostLink } from './network.ts';
import { Person } from './person.ts';
import { PROPERTIES } from './properties/all.ts';
import type { Records } from './properties/property.ts';
import { Random } from './random.ts';
import { MemoryDatabase } from './store/memory-store.ts';
import { hasBegun, isPatched, isTakenBack, isTouched, World } from './world.ts';

export interface NightOptions {
  seed: number;
  hosts: number;
  clusters: number;
  windowMs: number;
  /** Share of hosts, messages and transactions with which something goes wrong. */
  faults: number;
  /** Only what ends well without a person at the server: what is measured, and not what is searched for bugs. */
  calm: boolean;
  /** How much slower than expected everything is; null: as the seed says. */
  pace: number | null;
  /** Spread of durations; 0: everything takes exactly what was expected. */
  spread?: number;
  /** Instead of the one that the seed makes. */
  landscape?: Landscape;
}

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

/** One of each is enough for all nights: signatures are not what is simulated. */
const approver = generateKeyPairSync('ed25519').privateKey;
const dispatchKey: KeyObject = generateKeyPairSync('ed25519').privateKey;

const TRUST_ROOT: TrustRoot = {
  ...{ format: 'tidemark/trust-root/v1', fleet: FLEET, version: 1 },
  approvers: [
    {
      name: 'ada',
      publicKey: rawPublicKey(approver).toString('base64'),
      classes: ['observe', 'patch', 'command'],
    },
  ],
  thresholds: { observe: 0, patch: 1, command: 1 },
};

/** After the window: whoever has begun comes to its end, and what waits for a person is closed. */
const AFTERWARDS_MS = 2 * 3_600_000;
/** After the end of the run: what agents still have to say is heard. */
const SETTLE_MS = 3 * 60_000;

/** Plays one night. What a seed does is the same on every machine; a bug of the code under test is thrown or a violation. */
export async function playNight(options: NightOptions): Promise<NightResult> {
  const night = new Night(options);
  await night.play();
  return night.result();
}

class Night implements Witness {
  readonly #options: NightOptions;
  readonly #engine: Engine;
  readonly #landscape: Landscape;
  readonly #plan: Plan;
  readonly #policy: Policy;
  readonly #document: PlanDocument;
  readonly #fate: NightFate;
  readonly #database: MemoryDatabase;
  readonly #world: World;
  readonly #controllers: ControllerProcess[] = [];
  readonly #links: HostLink[] = [];
  readonly #ground: Ground;
  readonly #violations = new Map<string, Violation>();
  readonly #random: Random;
  #lastEndAt = 0;
  #endedAt: number | null = null;
  #lives = 0;

  constructor(options: NightOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#landscape = options.landscape ?? drawLandscape(this.#random, options);
    this.#policy = this.#readPolicy();
    this.#document = this.#compile();
    const opened = openPlan(this.#document);
    assert(opened.ok, opened.ok ? '' : opened.error);
    this.#plan = opened.value;
    const { start, end } = this.#plan.header.window;
    this.#engine = new Engine(start, this.#random.fork('order of events'));
    const pace = options.pace ?? this.#random.fork('pace').pick([1, 1, 2, 4, 8]);
    const nightMs = Math.min(end - start, estimateMs(this.#plan, pace));
    const calm = { faults: options.faults, start, nightMs, calm: options.calm };
    this.#fate = drawNightFate(this.#random.fork('fate'), {
      ...calm,
      end,
      pairs: this.#landscape.input.landscape.clusters.length,
    });
    this.#database = new MemoryDatabase(() => this.#engine.now, new Map([[this.#plan.digest, this.#plan.header.name]]));
    this.#ground = this.#makeGround();
    this.#world = this.#makeWorld(pace, nightMs);
  }

  async play(): Promise<void> {
    const { end } = this.#plan.header.window;
    for (let number = 0; number < this.#fate.controllers; number++) this.#boot(number);
    this.#planTroubles();
    this.#apply();
    this.#engine.every(60_000, () =>
      this.#judge((property, moment) => property.everyMinute?.(moment, this.#records())),
    );
    const over = () => this.#endedAt !== null && this.#engine.now > this.#endedAt + SETTLE_MS;
    await this.#engine.run(end + AFTERWARDS_MS, over, () => this.#noteEnd());
    this.#judge((property, moment) => property.atEnd?.(moment, this.#records()));
  }

  result(): NightResult {
    const run = this.#database.tables.runs.values().next().value;
    const { hosts } = this.#world;
    const open = hosts.filter(
      truth => hasBegun(truth) && !isPatched(this.#world, truth) && !isTakenBack(this.#world, truth),
    );
    const halfDone = open.filter(isTouched);
    return {
      seed: this.#options.seed,
      violations: [...this.#violations.values()],
      state: run?.state ?? 'never begun',
      reason: run?.reason ?? '',
      makespanMs: this.#lastEndAt - this.#plan.header.window.start,
      patched: hosts.filter(truth => isPatched(this.#world, truth)).length,
      takenBack: hosts.filter(truth => isTakenBack(this.#world, truth)).length,
      untouched: hosts.filter(truth => !hasBegun(truth)).length,
      leftAlone: open.length - halfDone.length,
      halfDone: halfDone.map(
        ({ planned, host }) => `${planned.name} (${host.fate.troubles.join(', ') || 'no trouble of its own'})`,
      ),
      troubles: hosts.filter(({ host }) => host.fate.troubles.length > 0).length,
      controllers: this.#fate.controllers,
      events: this.#database.tables.events.get(run?.id ?? '') ?? [],
      run: run?.id ?? '',
      plan: this.#plan,
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

  #readPolicy(): Policy {
    const policy = parsePolicy(this.#landscape.policyText, this.#landscape.policyFile);
    if (!policy.ok) throw new Error(policy.error.map(({ message }) => message).join('; '));
    return policy.value;
  }

  #compile(): PlanDocument {
    const compiled = compile({ ...this.#landscape.input, policy: this.#policy });
    if (!compiled.ok) throw new Error(compiled.error.map(({ message }) => message).join('; '));
    return encodePlan(compiled.value.header, compiled.value.orders);
  }

  #makeGround(): Ground {
    const { digest, header, orders } = this.#plan;
    const approval = signApproval(
      {
        ...{ format: 'tidemark/approval/v1', fleet: FLEET, plan: digest, gate: 'plan' },
        ...{ approvedAt: header.window.start - 1, expiresAt: this.#fate.approvalExpiresAt },
      },
      approver,
    );
    const encoded = encodeEnvelope(approval);
    const byHost = new Map(orders.map(planned => [planned.order.host.id, planned]));
    return {
      engine: this.#engine,
      database: this.#database,
      plans: { document: async plan => (plan === digest ? this.#document : null) },
      approvals: {
        of: async (_, gate = 'plan') => (gate === 'plan' ? [approval as Envelope] : []),
        trustRoot: async () => TRUST_ROOT,
      },
      offer: async (_, hostId) => {
        const planned = byHost.get(hostId);
        return planned ? { order: planned.bytes, proof: planned.proof, approvals: [encoded] } : null;
      },
      isTrue: askedOnce(),
      dispatchKey,
      fate: this.#fate,
      random: this.#random.fork('database'),
      looksSeldom: this.#options.faults > 0,
      started: () => {
        for (const link of this.#links) link.forgotten();
      },
    };
  }

  #makeWorld(pace: number, nightMs: number): World {
    const { input } = this.#landscape;
    const orders = new Map(this.#plan.orders.map(({ digest, order }) => [digest, order]));
    const byName = new Map(this.#plan.orders.map(({ order }) => [order.host.name, order]));
    const hosts = new Map<string, SimulatedHost>();
    for (const { id, name } of this.#plan.header.hosts) {
      const random = this.#random.fork(`host ${name}`);
      const { faults, calm, spread } = this.#options;
      const fate: HostFate = drawHostFate(random.fork('fate'), {
        ...{ faults, pace, nightMs, order: byName.get(name) ?? null, start: this.#engine.now },
        calm,
        ...(spread === undefined ? {} : { spread }),
      });
      const known = input.facts.get(id);
      const facts = structuredClone(known?.facts ?? {}) as Record<string, unknown>;
      const host = new SimulatedHost({ id, name, fate, facts, engine: this.#engine, witness: this, orders });
      this.#database.addHost({ id, name, facts: known ?? null });
      hosts.set(name, host);
      this.#links.push(
        new HostLink({
          ...{ engine: this.#engine, host, database: this.#database, fate: this.#fate },
          controllers: () => this.#controllers,
          random: random.fork('network'),
        }),
      );
    }
    return new World(this.#plan, { landscape: input.landscape, tiers: this.#policy.tiers }, hosts);
  }

  #boot(number: number): void {
    this.#controllers[number] = new ControllerProcess(`controller-${number}-${++this.#lives}`, this.#ground);
  }

  #planTroubles(): void {
    for (const { at, controller, downMs } of this.#fate.crashes) {
      this.#engine.at(at, () => {
        if (!this.#controllers[controller]?.alive) return;
        this.#controllers[controller].crash();
        this.#engine.after(downMs, () => this.#boot(controller));
      });
    }
    for (const { at, controller, forMs } of this.#fate.stalls)
      this.#engine.at(at, () => this.#controllers[controller]?.stall(forMs));
    for (const { at, pair } of this.#fate.failovers) {
      const member = this.#landscape.input.landscape.clusters[pair]?.members[0];
      if (member !== undefined) this.#engine.at(at, () => this.#failOver(member));
    }
    new Person({
      ...{ engine: this.#engine, database: this.#database, fate: this.#fate, random: this.#random.fork('person') },
      controllers: () => this.#controllers,
    });
  }

  /** The members of this host's pair change roles. */
  #failOver(name: string): void {
    const pair = this.#landscape.input.landscape.clusters.find(({ members }) => members.includes(name));
    for (const member of pair?.members ?? []) {
      const facts = this.#world.byName.get(member)?.host.facts['pair'] as { active: boolean } | undefined;
      if (facts) facts.active = !facts.active;
    }
  }

  /** A person begins the run, and tries again while the database or the controller is away. */
  #apply(): void {
    const controller = this.#controllers.find(({ alive }) => alive);
    const again = () => this.#engine.after(5_000, () => this.#apply());
    if (this.#database.tables.runs.size > 0) return;
    if (!controller) {
      again();
      return;
    }
    controller.do(async () => {
      const applied = await controller.orchestrator.apply({ plan: this.#plan.digest, by: 'olga' });
      if (!applied.ok && applied.error.code !== 'already-run') throw new Error(applied.error.message);
    }, again);
  }

  #records(): Records {
    const { runs, events, incidents } = this.#database.tables;
    const run = runs.values().next().value;
    return {
      events: events.get(run?.id ?? '') ?? [],
      state: run?.state ?? 'never begun',
      endedAt: run?.endedAt ?? null,
      incidents: [...incidents.values()],
      hosts: new Map([...(run?.hosts ?? [])].map(([id, { heldBecause, jobs }]) => [id, { held: heldBecause, jobs }])),
    };
  }

  readonly #releasedAt = (host: string, job: string): number | null =>
    this.#records().events.findLast(event => event.event === 'released' && event.host === host && event.job === job)
      ?.at ?? null;

  #noteEnd(): void {
    if (this.#endedAt !== null) return;
    const run = this.#database.tables.runs.values().next().value;
    if (run && run.endedAt !== null) this.#endedAt = this.#engine.now;
  }

  #judge(
    ask: (
      property: (typeof PROPERTIES)[number],
      moment: Parameters<NonNullable<(typeof PROPERTIES)[number]['onStart']>>[0],
    ) => string | null | undefined,
  ): void {
    const moment = {
      ...{ world: this.#world, now: this.#engine.now, calm: this.#options.calm },
      approvalExpiresAt: this.#fate.approvalExpiresAt,
      restarts: this.#fate.crashes.map(({ at, downMs }) => ({ from: at, to: at + downMs })),
      releasedAt: this.#releasedAt,
    };
    for (const property of PROPERTIES) {
      if (this.#violations.has(property.name)) continue;
      const message = ask(property, moment);
      if (message) this.#violations.set(property.name, { property: property.name, at: this.#engine.now, message });
    }
  }
}

/** The production answer, computed once for the same facts: reading CEL anew each tick would be most of a night. */
function askedOnce(): Ground['isTrue'] {
  const answers = new Map<string, WeakMap<object, boolean | null>>();
  return (text, facts) => {
    const known = answers.get(text) ?? new WeakMap<object, boolean | null>();
    answers.set(text, known);
    if (!known.has(facts)) {
      const condition = parseCondition(text, 'facts');
      const answer = condition.ok ? condition.value.holds({ facts }) : condition;
      known.set(facts, answer.ok ? answer.value : null);
    }
    return known.get(facts) ?? null;
  };
}

/** About how long the run will take: where troubles are put, so that most of them hit something. */
function estimateMs({ header, orders }: Plan, pace: number): number {
  const lengths = new Map(
    orders.map(({ order }) => [order.host.name, order.jobs.reduce((sum, job) => sum + job.expectedMs, 0) * pace]),
  );
  return header.waves.reduce((sum, wave) => {
    const own = header.hosts.filter(host => host.wave === wave.name).map(host => lengths.get(host.name) ?? 0);
    const work = own.reduce((total, length) => total + length, 0);
    return sum + wave.soakMs + Math.max(work / wave.maxParallel, ...own);
  }, 0);
}
