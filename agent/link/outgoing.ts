import type { AgentMessage } from '@tidemark/shared/protocol/gen/tidemark/v1/link.ts';
import { type ForController, toWire } from './wire.ts';

/** Messages that wait for the connection; at 128 KiB each (a report with full output) that is 8 MiB. */
export const MAX_QUEUED = 64;

/** The writing side of a stream. */
export interface Writer {
  /** False where the stream is full until `drain`. */
  write(message: AgentMessage): boolean;
  onDrain(listener: () => void): void;
}

/**
 * Sends in order, bounded. An acknowledgement means "everything up to here is stored", so a report must never be left
 * out between two that are sent: once one did not fit, all later ones are left out too, and when what was sent has
 * been acknowledged the executor is asked to say again what comes after.
 */
export class Outgoing {
  readonly #writer: Writer;
  readonly #replay: (acknowledged: number) => void;
  readonly #queue: AgentMessage[] = [];
  #full = false;
  #skipping = false;
  #lastReport: number;
  #acknowledged: number;

  constructor(writer: Writer, acknowledged: number, replay: (acknowledged: number) => void) {
    this.#writer = writer;
    this.#replay = replay;
    this.#lastReport = acknowledged;
    this.#acknowledged = acknowledged;
    writer.onDrain(() => {
      this.#full = false;
      this.#pump();
    });
  }

  send(message: ForController): void {
    if (message.type === 'report') {
      if (this.#skipping || this.#queue.length >= MAX_QUEUED) {
        this.#skipping = true;
        return;
      }
      this.#lastReport = message.report.sequence;
    }
    // Live output is a courtesy: the result carries what counts.
    if (message.type === 'output' && this.#queue.length >= MAX_QUEUED) return;
    this.#queue.push(toWire(message));
    this.#pump();
  }

  /** Left out where the queue is not empty: what is in it shows that the agent lives. */
  heartbeat(monotonicMs: number): void {
    if (this.#queue.length > 0) return;
    this.#queue.push({ body: { $case: 'heartbeat', value: { monotonicMs: Math.round(monotonicMs) } } });
    this.#pump();
  }

  acknowledged(sequence: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, sequence);
    this.#askAgain();
  }

  #pump(): void {
    while (!this.#full) {
      const next = this.#queue.shift();
      if (next === undefined) break;
      this.#full = !this.#writer.write(next);
    }
    this.#askAgain();
  }

  #askAgain(): void {
    if (!this.#skipping || this.#queue.length > 0 || this.#acknowledged < this.#lastReport) return;
    this.#skipping = false;
    this.#replay(this.#acknowledged);
  }
}
