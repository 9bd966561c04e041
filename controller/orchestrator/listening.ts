import type { Clock } from '@tidemark/shared/base/clock.ts';

/** Longer without a decision, and this process was stopped, starved or without its database. It decides once a second. */
const GAP_MS = 30_000;

/**
 * Since when this process has been there to hear what hosts say. Silence is a host's fault only from then on: after a
 * controller was away, every host would otherwise be silent at once and the run be given up for it.
 */
export class Listening {
  since: number;
  readonly #clock: Clock;
  #lastAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.since = clock.now();
    this.#lastAt = clock.monotonic();
  }

  /** Does `work` as part of listening. Where it fails, nothing could be stored, so nobody was listened to. */
  async while(work: () => Promise<void>): Promise<void> {
    if (this.#clock.monotonic() - this.#lastAt > GAP_MS) this.since = this.#clock.now();
    await work();
    this.#lastAt = this.#clock.monotonic();
  }
}
