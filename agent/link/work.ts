/**
 * Things to fetch or to send, one after the other while there is a connection. What could not be done stays, and is
 * tried again after a pause or with the next connection.
 */
export interface WorkOptions<T> {
  /** `later` keeps it. Never rejects. */
  run: (item: T, signal: AbortSignal) => Promise<'done' | 'later'>;
  /** After so many failures in a row. */
  pauseMs: (failures: number) => number;
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

export class Work<K, T> {
  readonly #options: WorkOptions<T>;
  /** In the order of asking; asking twice is asking once. */
  readonly #items = new Map<K, T>();
  #signal: AbortSignal | null = null;
  #running: Promise<void> | null = null;

  constructor(options: WorkOptions<T>) {
    this.#options = options;
  }

  add(key: K, item: T): void {
    if (!this.#items.has(key)) this.#items.set(key, item);
    this.#wake();
  }

  /** There is a connection until the signal aborts. */
  start(signal: AbortSignal): void {
    this.#signal = signal;
    this.#wake();
  }

  /** Resolves when nothing runs: after the signal, when what ran has ended. */
  async idle(): Promise<void> {
    await this.#running;
  }

  #wake(): void {
    if (this.#signal === null || this.#signal.aborted || this.#items.size === 0) return;
    this.#running ??= this.#run(this.#signal).finally(() => {
      this.#running = null;
      this.#wake();
    });
  }

  async #run(signal: AbortSignal): Promise<void> {
    // In a turn of its own, so that what runs may ask for more.
    await Promise.resolve();
    let failures = 0;
    while (!signal.aborted) {
      const [next] = this.#items;
      if (next === undefined) return;
      const [key, item] = next;
      if ((await this.#options.run(item, signal)) === 'done') {
        this.#items.delete(key);
        failures = 0;
      } else {
        // To the back, so that one that cannot be done does not keep the others waiting.
        this.#items.delete(key);
        this.#items.set(key, item);
        await this.#options.sleep(this.#options.pauseMs(failures++), signal);
      }
    }
  }
}
