/**
 * What one agent says, handled one after the other. Bounded: above the high mark the stream is not read any more, so
 * that a slow database slows the agent down and fills no memory here.
 */
export interface InboxOptions<T> {
  /** Items that may be handled in one go when they follow each other; the rest are handled one by one. */
  batchable: (item: T) => boolean;
  maxBatch: number;
  handle: (items: T[]) => Promise<void>;
  failed: (error: unknown) => void;
  pause: () => void;
  resume: () => void;
}

/** Items that wait at most (one more message may come after the pause). */
export const HIGH_MARK = 64;
const LOW_MARK = 16;

export class Inbox<T> {
  readonly #options: InboxOptions<T>;
  readonly #waiting: T[] = [];
  #running: Promise<void> | null = null;
  #paused = false;
  #closed = false;

  constructor(options: InboxOptions<T>) {
    this.#options = options;
  }

  push(item: T): void {
    if (this.#closed) return;
    this.#waiting.push(item);
    if (!this.#paused && this.#waiting.length >= HIGH_MARK) {
      this.#paused = true;
      this.#options.pause();
    }
    this.#running ??= this.#run();
  }

  /** Takes nothing more and forgets what waits; resolves when what is being handled now has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting.length = 0;
    await this.#running;
  }

  /** Resolves when all that was pushed has been handled. */
  async drained(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // Never handled in the caller's own turn, so that messages that came together can be taken together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#take();
      try {
        await this.#options.handle(batch);
      } catch (error) {
        this.#closed = true;
        this.#waiting.length = 0;
        this.#options.failed(error);
      }
      if (this.#paused && this.#waiting.length <= LOW_MARK && !this.#closed) {
        this.#paused = false;
        this.#options.resume();
      }
    }
    this.#running = null;
  }

  #take(): T[] {
    let count = 1;
    const { batchable, maxBatch } = this.#options;
    const first = this.#waiting[0];
    if (first !== undefined && batchable(first)) {
      while (count < maxBatch && count < this.#waiting.length) {
        const next = this.#waiting[count];
        if (next === undefined || !batchable(next)) break;
        count++;
      }
    }
    return this.#waiting.splice(0, count);
  }
}
