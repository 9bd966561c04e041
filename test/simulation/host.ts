import { eventAfter, judge, nextOf } from '@tidemark/agent/executor/next.ts';
import type { ToAgent } from '@tidemark/controller/link/messages.ts';
import { assert, present } from '@tidemark/shared/base/assert.ts';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import { accepted, isOver, isUndo, type Standing, type StandingEvent, step } from '@tidemark/shared/orders/frontier.ts';
import type { Direction } from '@tidemark/shared/orders/job-state.ts';
import type { Order } from '@tidemark/shared/orders/order.ts';
import { orderDigest } from '@tidemark/shared/orders/plan.ts';
import type { OrderStanding, Report, ReportBody } from '@tidemark/shared/orders/report.ts';
import type { Call } from '@tidemark/shared/orders/step-kinds.ts';
import { Approval } from '@tidemark/shared/signing/approval.ts';
import { Dispatch, type DispatchMark, judgeDispatch } from '@tidemark/shared/signing/dispatch.ts';
import type { Engine } from './engine.ts';
import type { HostFate } from './faults.ts';

/** What really happens on servers, told to whoever judges the night. */
export interface Witness {
  started(host: SimulatedHost, job: number, direction: Direction, attempt: number): void;
  ended(host: SimulatedHost, job: number, direction: Direction, outcome: 'succeeded' | 'failed' | 'unknown'): void;
}

interface Held {
  digest: Digest;
  order: Order;
  standing: Standing;
  acceptedAt: number;
  retryAt: number;
}

interface RunningStep {
  held: Held;
  job: number;
  direction: Direction;
  attempt: number;
}

/**
 * A server with its agent. What the agent decides is decided by the production code (the frontier machine, what comes
 * next, how an end counts, which dispatch is too old); what a step does and how long it takes is fate. What the real agent
 * keeps in its journal is kept here over anything but the death of the server.
 */
export class SimulatedHost {
  readonly id: string;
  readonly name: string;
  readonly fate: HostFate;
  /** Whether the machine runs: not while it boots, hangs or is dead. */
  isUp = true;
  /** Since when the machine is away; null where it runs. */
  downSince: number | null = null;
  /** Reports that nobody has acknowledged. */
  spool: Report[] = [];
  /** Set by the network: something is to be said. */
  onReport: () => void = () => {};
  /** The machine went away or came back. */
  onPower: () => void = () => {};
  facts: Record<string, unknown>;
  readonly #engine: Engine;
  readonly #witness: Witness;
  /** By digest; the parts that never change are shared by all. */
  readonly #orders: ReadonlyMap<Digest, Order>;
  readonly #held = new Map<Digest, Held>();
  #mark: DispatchMark = { epoch: 0, sequence: 0 };
  #sequence = 0;
  #running: RunningStep | null = null;

  constructor(options: {
    id: string;
    name: string;
    fate: HostFate;
    facts: Record<string, unknown>;
    engine: Engine;
    witness: Witness;
    orders: ReadonlyMap<Digest, Order>;
  }) {
    this.id = options.id;
    this.name = options.name;
    this.fate = options.fate;
    this.facts = options.facts;
    this.#engine = options.engine;
    this.#witness = options.witness;
    this.#orders = options.orders;
    if (this.fate.diesAt !== null) this.#engine.at(this.fate.diesAt, () => this.#power(false));
  }

  /** By the server's own clock. */
  get now(): number {
    return this.#engine.now + this.fate.clockOffsetMs;
  }

  standingOf(digest: Digest): Standing | null {
    return this.#held.get(digest)?.standing ?? null;
  }

  standings(): OrderStanding[] {
    return [...this.#held.values()]
      .filter(({ standing }) => !isOver(standing))
      .map(({ digest, standing }) => ({
        orderDigest: digest,
        frontier: 'frontier' in standing ? standing.frontier : 0,
        position: 'position' in standing ? Math.max(0, standing.position) : 0,
        direction: isUndo(standing) ? 'undo' : 'forward',
      }));
  }

  acknowledge(sequence: number): void {
    this.spool = this.spool.filter(report => report.sequence > sequence);
  }

  take(message: ToAgent): void {
    if (!this.isUp) return;
    if (message.type === 'order-offer') this.#offered(message);
    if (message.type === 'dispatch') this.#dispatched(message.envelope);
    this.#turn();
  }

  #offered(offer: Extract<ToAgent, { type: 'order-offer' }>): void {
    const digest = orderDigest(offer.order);
    const refuse = (code: Extract<ReportBody, { type: 'order-refused' }>['code'], message: string) =>
      this.#report({ type: 'order-refused', orderDigest: digest, code, message });
    if (this.#held.has(digest)) {
      refuse('already-accepted', 'it was taken before');
      return;
    }
    if (this.fate.refuses) {
      refuse('not-permitted', 'the policy of this server forbids a step');
      return;
    }
    const valid = offer.approvals.some(bytes => this.now < approvalIn(bytes).expiresAt);
    if (!valid) {
      refuse('not-approved', 'no approval that is still valid came with it');
      return;
    }
    const order = present(this.#orders.get(digest), `the order ${digest} is in the plan`);
    this.#held.set(digest, { digest, order, standing: accepted(), acceptedAt: this.now, retryAt: 0 });
    this.#report({ type: 'order-accepted', orderDigest: digest });
  }

  #dispatched(envelope: Uint8Array): void {
    const claimed = payloadOf(envelope, Dispatch);
    const judged = judgeDispatch(claimed, this.id, this.#mark, this.now);
    const refuse = (code: Extract<ReportBody, { type: 'dispatch-refused' }>['code'], message: string) =>
      this.#report({ type: 'dispatch-refused', orderDigest: claimed.order as Digest, code, message });
    if (!judged.ok) {
      refuse(judged.error.code, judged.error.message);
      return;
    }
    this.#mark = { epoch: claimed.epoch, sequence: claimed.sequence };
    const held = this.#held.get(claimed.order as Digest);
    if (!held) {
      refuse('unknown-order', 'this server has not taken that order');
      return;
    }
    const event: StandingEvent =
      claimed.direction === 'undo' ? { event: 'undo' } : { event: 'release', frontier: claimed.frontier };
    const moved = step(held.standing, event, held.order.jobs.length);
    if (!moved.ok) {
      refuse('not-now', moved.error);
      return;
    }
    const over = isOver(moved.value) && !isOver(held.standing);
    held.standing = moved.value;
    if (over) this.#report({ type: 'order-finished', orderDigest: held.digest, direction: claimed.direction });
  }

  /** Starts what is next, if nothing runs. */
  #turn(): void {
    if (!this.isUp || this.#running) return;
    for (const held of this.#held.values()) {
      const next = nextOf(held.order, held.standing, this.now);
      if (next.next === 'nothing') continue;
      if (next.next === 'wait') {
        this.#engine.after(next.until - this.now, () => this.#turn());
        continue;
      }
      const direction: Direction = isUndo(held.standing) ? 'undo' : 'forward';
      const { job, attempt } = next;
      if (next.next === 'missed') {
        this.#jobReport(held, job, direction, attempt, 'missed', next.message);
        this.#move(held, { event: 'halt', outcome: 'missed' });
        continue;
      }
      if (next.next === 'skipped') {
        this.#jobReport(held, job, direction, attempt, 'skipped', next.message);
        this.#move(held, { event: 'start' });
        this.#move(held, { event: 'pass' });
        this.#turn();
        return;
      }
      if (next.next !== 'start') continue;
      if (attempt > 1 && held.retryAt > this.#engine.now) {
        this.#engine.at(held.retryAt, () => this.#turn());
        continue;
      }
      this.#start({ held, job, direction, attempt }, next.call, next.timeoutMs);
      return;
    }
  }

  #start(running: RunningStep, call: Call, timeoutMs: number): void {
    const { held, job, direction, attempt } = running;
    this.#running = running;
    this.#move(held, { event: 'start' });
    this.#jobReport(held, job, direction, attempt, 'started', '');
    this.#witness.started(this, job, direction, attempt);
    const expectedMs = present(held.order.jobs[job], 'job').expectedMs;
    const ms = this.fate.durationMs(job, direction, attempt, expectedMs);
    if (call.kind === 'system/reboot') this.#reboot(running, call, ms, timeoutMs);
    else this.#engine.after(Math.min(ms, timeoutMs), () => this.#end(running, call, ms > timeoutMs));
  }

  /**
   * The machine is away for most of it; one that hangs is switched off and on by somebody, and then goes on. The step is
   * started anew after the boot with all of its time, so the time in which the machine is away is never its own.
   */
  #reboot(running: RunningStep, call: Call, ms: number, timeoutMs: number): void {
    const total = ms + this.fate.rebootHangsMs;
    this.#engine.after(ms * 0.1, () => {
      this.#power(false);
      this.#engine.after(total - ms * 0.2, () => {
        if (this.fate.diesAt !== null && this.#engine.now >= this.fate.diesAt) return;
        this.#power(true);
        this.#engine.after(ms * 0.1, () => this.#end(running, call, ms * 0.1 > timeoutMs));
      });
    });
  }

  #end(running: RunningStep, call: Call, timedOut: boolean): void {
    if (!this.isUp) return;
    const { held, job, direction, attempt } = running;
    const planned = present(held.order.jobs[job], 'job');
    const told = timedOut ? 'failed' : this.fate.outcome(job, direction, attempt);
    const end =
      told === 'unknown'
        ? { outcome: told, message: 'its process is gone and left no result' }
        : judge(call, { outcome: told, timedOut, message: told === 'failed' ? 'it did not work' : 'done' });
    this.#running = null;
    this.#jobReport(held, job, direction, attempt, end.outcome, end.message);
    this.#witness.ended(this, job, direction, end.outcome);
    held.retryAt = this.#engine.now + planned.retries.backoffMs;
    this.#move(held, eventAfter(planned, direction, attempt, end));
    this.#turn();
  }

  #move(held: Held, event: StandingEvent): void {
    const moved = step(held.standing, event, held.order.jobs.length);
    assert(moved.ok, moved.ok ? '' : moved.error);
    held.standing = moved.value;
    if (!isOver(moved.value)) return;
    const direction = isUndo(moved.value) ? 'undo' : 'forward';
    this.#report({ type: 'order-finished', orderDigest: held.digest, direction });
  }

  #power(up: boolean): void {
    if (this.isUp === up) return;
    this.isUp = up;
    this.downSince = up ? null : this.#engine.now;
    this.onPower();
    if (up) this.#turn();
  }

  #jobReport(
    { digest }: Held,
    job: number,
    direction: Direction,
    attempt: number,
    kind: Extract<ReportBody, { type: 'job' }>['kind'],
    message: string,
  ): void {
    this.#report({
      type: 'job',
      orderDigest: digest,
      job,
      attempt,
      direction,
      kind,
      message,
      facts: null,
      output: null,
    });
  }

  #report(body: ReportBody): void {
    this.spool.push({ sequence: ++this.#sequence, atMs: this.now, body });
    this.onReport();
  }
}

/** Signatures are not what is simulated: what was signed is read as it is. */
function payloadOf<T>(envelope: Uint8Array, schema: { parse(value: unknown): T }): T {
  const { payload } = JSON.parse(Buffer.from(envelope).toString('utf8')) as { payload: string };
  return schema.parse(JSON.parse(Buffer.from(payload, 'base64').toString('utf8')));
}

const readApprovals = new WeakMap<Uint8Array, Approval>();

function approvalIn(bytes: Uint8Array): Approval {
  const known = readApprovals.get(bytes) ?? payloadOf(bytes, Approval);
  readApprovals.set(bytes, known);
  return known;
}
