import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { ToAgent } from '@tidemark/controller/link/messages.ts';
import { deliver } from '@tidemark/controller/loops/deliver.ts';
import { createKnownPlans } from '@tidemark/controller/orchestrator/known-plans.ts';
import { createOrchestrator, type Orchestrator } from '@tidemark/controller/orchestrator/service.ts';
import { type PlanSpec, planOf, START } from '@tidemark/controller/orchestrator/testing/random-plan.ts';
import {
  type Fate,
  SimulatedAgent,
  type SimulatedReport,
} from '@tidemark/controller/orchestrator/testing/simulated-agent.ts';
import { createProbe } from '@tidemark/controller/probes/probe.ts';
import { createDeliveryStore } from '@tidemark/controller/store/delivery.ts';
import { createOrchestratorStore } from '@tidemark/controller/store/orchestrator.ts';
import { createGateStore } from '@tidemark/controller/store/run-gates.ts';
import { createRunLeases } from '@tidemark/controller/store/run-leases.ts';
import { createRunPlans } from '@tidemark/controller/store/run-plans.ts';
import * as schema from '@tidemark/controller/store/schema.ts';
import type { Store } from '@tidemark/controller/store/store.ts';
import { present } from '@tidemark/shared/base/assert.ts';
import type { AmendmentAction } from '@tidemark/shared/orders/amendment.ts';
import { encodePlan, openPlan, type Plan, type PlanOrder } from '@tidemark/shared/orders/plan.ts';
import type { OrderStanding, Report, ReportBody } from '@tidemark/shared/orders/report.ts';
import { signAmendment, verifyAmendment } from '@tidemark/shared/signing/amendment.ts';
import { signApproval, verifyOrder } from '@tidemark/shared/signing/approval.ts';
import { type DispatchMark, verifyDispatch } from '@tidemark/shared/signing/dispatch.ts';
import {
  type Envelope,
  encodeEnvelope,
  PayloadType,
  parseEnvelope,
  signEnvelope,
} from '@tidemark/shared/signing/dsse.ts';
import { rawPublicKey } from '@tidemark/shared/signing/ed25519.ts';
import { encodeTrustRoot, type TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { eq } from 'drizzle-orm';

const HOUR = 3_600_000;
const key = (): KeyObject => generateKeyPairSync('ed25519').privateKey;

/** An agent that verifies what it gets, as the real one does, and keeps its reports until they are acknowledged. */
export class TestAgent {
  readonly simulated: SimulatedAgent;
  readonly id: string;
  readonly refusals: string[] = [];
  mark: DispatchMark = { epoch: 0, sequence: 0 };
  spool: Report[] = [];
  readonly #world: World;
  readonly #planned: PlanOrder;
  #sequence = 0;

  constructor(world: World, planned: PlanOrder, fates: readonly Fate[]) {
    this.#world = world;
    this.#planned = planned;
    this.id = planned.order.host.id;
    this.simulated = new SimulatedAgent(planned.order, { forward: fates, undo: [], refuses: false, silent: null });
  }

  take(message: ToAgent): void {
    const { root, dispatchKey, now } = this.#world;
    if (message.type === 'order-offer') {
      const approvals = message.approvals.flatMap(bytes => {
        const envelope = parseEnvelope(bytes);
        return envelope.ok ? [envelope.value] : [];
      });
      const taken = verifyOrder({ bytes: message.order, proof: message.proof, approvals }, root, this.id, now);
      if (!taken.ok) {
        this.refusals.push(taken.error.code);
        return;
      }
      const orderDigest = this.#planned.digest;
      if (this.simulated.standing !== null) {
        this.say({ type: 'order-refused', orderDigest, code: 'already-accepted', message: 'taken before' });
        return;
      }
      for (const report of this.simulated.offer()) this.#report(report);
    }
    if (message.type === 'amendment') this.#amend(message.envelope);
    if (message.type === 'dispatch') {
      const envelope = parseEnvelope(message.envelope);
      const dispatch = envelope.ok
        ? verifyDispatch(envelope.value, rawPublicKey(dispatchKey), this.id, this.mark, now)
        : envelope;
      if (!dispatch.ok) {
        this.refusals.push(typeof dispatch.error === 'string' ? dispatch.error : dispatch.error.code);
        return;
      }
      this.mark = { epoch: dispatch.value.epoch, sequence: dispatch.value.sequence };
      if (dispatch.value.direction === 'undo') this.simulated.undo();
      else this.simulated.release(dispatch.value.frontier);
    }
  }

  #amend(bytes: Uint8Array): void {
    const { root, now } = this.#world;
    const { digest, order } = this.#planned;
    const envelope = parseEnvelope(bytes);
    if (!envelope.ok) throw new Error(envelope.error);
    const verified = verifyAmendment(envelope.value, root, { hostId: this.id, digest, order }, now);
    if (!verified.ok) throw new Error(verified.error.message);
    const { amendment, position } = verified.value;
    const { action } = amendment;
    const moved =
      action === 'undo'
        ? this.simulated.decide({ event: 'undo' })
        : this.simulated.decide(
            action === 'retry' ? { event: 'again', position: position ?? 0 } : { event: 'resolve' },
          );
    const refused = moved.ok ? null : { code: 'not-now' as const, message: moved.error };
    const told = { orderDigest: digest, amendment: verified.value.digest, action, job: position };
    this.say({ type: 'amended', ...told, refused });
    if (moved.ok && moved.value.state === 'finished')
      this.say({ type: 'order-finished', orderDigest: digest, direction: 'forward' });
  }

  advance(now: number): void {
    for (const report of this.simulated.advance(now)) this.#report(report);
  }

  say(body: ReportBody): void {
    this.spool.push({ sequence: ++this.#sequence, atMs: this.#world.now, body });
  }

  standings(): OrderStanding[] {
    const { standing } = this.simulated;
    if (!standing || standing.state === 'finished' || standing.state === 'undone') return [];
    const isUndo = standing.state.startsWith('undo');
    return [
      {
        orderDigest: this.#planned.digest,
        frontier: 'frontier' in standing ? standing.frontier : 0,
        position: 'position' in standing ? standing.position : 0,
        direction: isUndo ? 'undo' : 'forward',
      },
    ];
  }

  #report(report: SimulatedReport): void {
    const orderDigest = this.#planned.digest;
    if (report.type === 'accepted') this.say({ type: 'order-accepted', orderDigest });
    if (report.type === 'refused') {
      this.say({ type: 'order-refused', orderDigest, code: 'not-permitted', message: 'no' });
    }
    if (report.type === 'finished') this.say({ type: 'order-finished', orderDigest, direction: report.direction });
    if (report.type === 'job') {
      const { attempt, kind, message } = report.report;
      const { position: job, direction } = report;
      this.say({ type: 'job', orderDigest, job, attempt, direction, kind, message, facts: null, output: null });
    }
  }
}

/** A database with hosts, an approved plan and agents in memory, all on one clock. */
export class World {
  readonly store: Store;
  readonly plan: Plan;
  readonly approver: KeyObject;
  readonly dispatchKey = key();
  readonly root: TrustRoot;
  readonly agents: ReadonlyMap<string, TestAgent>;
  now = START;
  readonly clock = { now: () => this.now, monotonic: () => this.now };
  #orchestrators = 0;

  private constructor(
    store: Store,
    spec: PlanSpec,
    fates: Readonly<Record<string, readonly Fate[]>>,
    approver = key(),
  ) {
    this.store = store;
    this.approver = approver;
    const sample = planOf(spec);
    const opened = openPlan(encodePlan(sample.header, sample.orders));
    if (!opened.ok) throw new Error(opened.error);
    this.plan = opened.value;
    this.root = {
      format: 'tidemark/trust-root/v1',
      fleet: 'test',
      version: 1,
      approvers: [
        {
          name: 'ada',
          publicKey: rawPublicKey(this.approver).toString('base64'),
          classes: ['observe', 'patch', 'command'],
        },
      ],
      thresholds: { observe: 0, patch: 1, command: 1 },
    };
    this.agents = new Map(
      this.plan.orders.map(planned => {
        const { name } = planned.order.host;
        return [name, new TestAgent(this, planned, fates[name] ?? [])];
      }),
    );
  }

  static async make(
    store: Store,
    spec: PlanSpec,
    fates: Readonly<Record<string, readonly Fate[]>> = {},
    { approved = true }: { approved?: boolean } = {},
  ): Promise<World> {
    const world = new World(store, spec, fates);
    await world.#fill(approved);
    return world;
  }

  /** Another approved plan over the same database, with the same approver. */
  static async beside(world: World, spec: PlanSpec): Promise<World> {
    const other = new World(world.store, spec, {}, world.approver);
    await other.#fill(true);
    return other;
  }

  async #fill(approved: boolean): Promise<void> {
    const { db } = this.store;
    const { plan } = this;
    const hosts = plan.header.hosts.map(({ id, name }) => ({
      id,
      name,
      connected: true,
      lastSeenAt: new Date(this.now),
    }));
    await db.insert(schema.hosts).values(hosts).onConflictDoNothing();
    const document = encodePlan(
      plan.header,
      plan.orders.map(({ order }) => order),
    );
    await db
      .insert(schema.plans)
      .values({ digest: plan.digest, name: plan.header.name, author: plan.header.author, header: document.header });
    await db.insert(schema.planOrders).values(
      plan.orders.map(({ order, bytes, digest, proof }) => ({
        plan: plan.digest,
        hostId: order.host.id,
        digest,
        document: bytes.toString('utf8'),
        leafIndex: proof.leafIndex,
        leafCount: proof.leafCount,
        path: Buffer.concat(proof.path),
      })),
    );
    const root = signEnvelope(PayloadType.trustRoot, encodeTrustRoot(this.root), [this.approver]);
    await db
      .insert(schema.trustRoots)
      .values({ version: 1, envelope: encodeEnvelope(root).toString('utf8') })
      .onConflictDoNothing();
    if (!approved) return;
    const approval = signApproval(
      {
        format: 'tidemark/approval/v1',
        fleet: 'test',
        plan: plan.digest,
        gate: 'plan',
        approvedAt: this.now,
        expiresAt: this.now + 24 * HOUR,
      },
      this.approver,
    );
    await db
      .insert(schema.approvals)
      .values({ plan: plan.digest, approver: 'ada', envelope: encodeEnvelope(approval).toString('utf8') });
  }

  agent(name: string): TestAgent {
    return present(this.agents.get(name), name);
  }

  /** A controller's orchestrator, as after a start: it knows nothing but what the database does. */
  orchestrator(
    holder = `controller-${++this.#orchestrators}`,
    store = createOrchestratorStore(this.store),
  ): Orchestrator {
    const plans = createRunPlans(this.store);
    return createOrchestrator({
      store,
      planOf: createKnownPlans(plans),
      approvals: plans,
      leases: createRunLeases(this.store),
      isTrue: (_, facts) => (typeof facts['active'] === 'boolean' ? facts['active'] : null),
      gates: { store: createGateStore(this.store), probe: createProbe(['127.0.0.1/32']) },
      clock: this.clock,
      holder,
    });
  }

  /** What somebody signs who looks at this run; with the approver's key where no other is given. */
  sign(
    host: string,
    action: AmendmentAction,
    job: string | null,
    keys: readonly KeyObject[] = [this.approver],
    reason = 'because I looked',
  ): Envelope {
    const { digest, order } = present(
      this.plan.orders.find(({ order }) => order.host.name === host),
      host,
    );
    return signAmendment(
      {
        ...{ format: 'tidemark/amendment/v1', fleet: 'test', host: order.host.id, order: digest },
        ...{ action, job, reason, issuedAt: this.now, expiresAt: this.now + HOUR },
      },
      keys,
    );
  }

  async apply(orchestrator: Orchestrator): Promise<string> {
    const applied = await orchestrator.apply({ plan: this.plan.digest, by: 'olga' });
    if (!applied.ok) throw new Error(applied.error.message);
    return applied.value.run;
  }

  /** Sends what is due; `lose` for messages that the connection swallows. */
  deliver(lose: (hostId: string, message: ToAgent) => boolean = () => false): Promise<number> {
    const byId = new Map([...this.agents.values()].map(agent => [agent.id, agent]));
    return deliver({
      store: createDeliveryStore(this.store),
      knownRoot: async () => null,
      sessions: {
        connected: () => [...byId.keys()],
        send: (hostId, message) => {
          if (!lose(hostId, message)) byId.get(hostId)?.take(message);
          return true;
        },
      },
      dispatchKey: this.dispatchKey,
      clock: this.clock,
      log: { info: () => {}, error: () => {} },
    });
  }

  /** Hands over what the agents have to say; twice, where a test wants that. */
  async report(orchestrator: Orchestrator, times = 1): Promise<void> {
    for (const agent of this.agents.values()) {
      const reports = [...agent.spool];
      let acknowledged = 0;
      for (let time = 0; time < times; time++) {
        acknowledged = await orchestrator.record({ hostId: agent.id, reports });
      }
      agent.spool = agent.spool.filter(report => report.sequence > acknowledged);
    }
  }

  pass(ms: number): void {
    this.now += ms;
    for (const agent of this.agents.values()) agent.advance(this.now);
  }

  /** One turn of everything. */
  async turn(orchestrator: Orchestrator): Promise<void> {
    await orchestrator.tick();
    await this.deliver();
    this.pass(10_000);
    await this.report(orchestrator);
  }

  /** Until the run has ended; fails where that takes more turns than it may. */
  async play(
    next: () => Orchestrator,
    run: string,
    turns = 200,
  ): Promise<NonNullable<Awaited<ReturnType<Orchestrator['view']>>>> {
    for (let at = 0; at < turns; at++) {
      const orchestrator = next();
      await this.turn(orchestrator);
      const view = present(await orchestrator.view(run), run);
      if (view.endedAt !== null) return view;
    }
    throw new Error(`${run} has not ended after ${turns} turns`);
  }

  /** How often each job of a host was started, by the agent's own account. */
  starts(name: string): number[] {
    const { begun, order } = this.agent(name).simulated;
    return order.jobs.map((_, position) => begun.filter(at => at === position).length);
  }

  async outboxLeft(): Promise<number> {
    const rows = await this.store.db.select().from(schema.outbox);
    return rows.filter(row => row.sentAt === null).length;
  }

  async host(name: string) {
    const [row] = await this.store.db.select().from(schema.runHosts).where(eq(schema.runHosts.hostName, name));
    return present(row, name);
  }
}
