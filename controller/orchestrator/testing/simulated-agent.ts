import { err, type Result } from '@tidemark/shared/base/result.ts';
import { accepted, runnable, type Standing, type StandingEvent, step } from '@tidemark/shared/orders/frontier.ts';
import type { Order } from '@tidemark/shared/orders/order.ts';
import type { JobReport } from '../reports.ts';

export type Fate = 'ok' | 'fail-once' | 'fail' | 'unknown' | 'missed';

/** What becomes of a host; by position, for jobs and for their undo. */
export interface Script {
  forward: readonly Fate[];
  undo: readonly Fate[];
  refuses: boolean;
  /** From when until when it says and hears nothing; jobs go on. */
  silent: { from: number; to: number } | null;
}

export type SimulatedReport =
  | { type: 'accepted' }
  | { type: 'refused' }
  | { type: 'job'; direction: 'forward' | 'undo'; position: number; report: JobReport }
  | { type: 'finished'; direction: 'forward' | 'undo'; at: number };

/** An agent in memory: the real transitions of an order, with jobs that take their expected time. */
export class SimulatedAgent {
  standing: Standing | null = null;
  /** Positions of forward jobs that were begun, as often as they were. */
  readonly begun: number[] = [];
  readonly passed = new Set<number>();
  readonly order: Order;
  readonly #script: Script;
  #busyUntil = 0;

  constructor(order: Order, script: Script) {
    this.order = order;
    this.#script = script;
  }

  offer(): SimulatedReport[] {
    if (this.#script.refuses) return [{ type: 'refused' }];
    this.standing ??= accepted();
    return [{ type: 'accepted' }];
  }

  isSilent(now: number): boolean {
    const { silent } = this.#script;
    return silent !== null && now >= silent.from && now < silent.to;
  }

  release(frontier: number): void {
    this.#move({ event: 'release', frontier });
  }

  undo(): void {
    this.#move({ event: 'undo' });
  }

  /** A person's decision; the error says why it cannot be now. */
  decide(event: Extract<StandingEvent, { event: 'again' | 'resolve' | 'undo' }>): Result<Standing, string> {
    if (!this.standing) return err('nothing was taken');
    const moved = step(this.standing, event, this.order.jobs.length);
    if (moved.ok) this.standing = moved.value;
    return moved;
  }

  /** What happens until `now`. */
  advance(now: number): SimulatedReport[] {
    const reports: SimulatedReport[] = [];
    for (let steps = 0; steps < 100; steps++) {
      const { standing } = this;
      if (!standing) break;
      if (standing.state === 'running' || standing.state === 'undo-running') {
        if (now < this.#busyUntil) break;
        reports.push(...this.#end(standing, this.#busyUntil));
      } else {
        const position = runnable(standing);
        if (position === null) break;
        reports.push(this.#start(position, now));
      }
    }
    return reports;
  }

  #start(position: number, now: number): SimulatedReport {
    const undoing = this.standing?.state === 'undo-idle';
    if (!undoing) this.begun.push(position);
    this.#move({ event: 'start' });
    this.#busyUntil = now + (this.order.jobs[position]?.expectedMs ?? 0);
    return this.#report(position, undoing, 'started', now);
  }

  #end(standing: Extract<Standing, { state: 'running' | 'undo-running' }>, at: number): SimulatedReport[] {
    const { position, attempt } = standing;
    const undoing = standing.state === 'undo-running';
    const fate = (undoing ? this.#script.undo : this.#script.forward)[position] ?? 'ok';
    const job = this.order.jobs[position];
    const failed = fate === 'fail' || (fate === 'fail-once' && attempt === 1);
    if (fate === 'unknown' || fate === 'missed') {
      const report = this.#report(position, undoing, fate, at);
      this.#move({ event: 'halt', outcome: fate });
      return [report];
    }
    if (failed)
      return [this.#fail(position, undoing, at, attempt, job?.retries.max ?? 0, job?.onFailure === 'continue')];
    const report = this.#report(position, undoing, 'succeeded', at);
    return [report, ...this.#pass(position, undoing, at)];
  }

  #fail(position: number, undoing: boolean, at: number, attempt: number, retries: number, goesOn: boolean) {
    const report = this.#report(position, undoing, 'failed', at);
    if (attempt <= retries) this.#move({ event: 'retry' });
    else if (goesOn && !undoing) this.#pass(position, undoing, at);
    else this.#move({ event: 'halt', outcome: 'failed' });
    return report;
  }

  #pass(position: number, undoing: boolean, at: number): SimulatedReport[] {
    if (!undoing) this.passed.add(position);
    this.#move({ event: 'pass' });
    const over = this.standing?.state === 'finished' || this.standing?.state === 'undone';
    return over ? [{ type: 'finished', direction: undoing ? 'undo' : 'forward', at }] : [];
  }

  #report(position: number, undoing: boolean, kind: JobReport['kind'], at: number): SimulatedReport {
    const attempt = this.standing && 'attempt' in this.standing ? this.standing.attempt : 1;
    const direction = undoing ? 'undo' : 'forward';
    return { type: 'job', direction, position, report: { attempt, kind, message: kind, at } };
  }

  #move(event: Parameters<typeof step>[1]): void {
    if (!this.standing) return;
    const next = step(this.standing, event, this.order.jobs.length);
    if (next.ok) this.standing = next.value;
  }
}
