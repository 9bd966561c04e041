import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { Random } from './random.ts';

/**
 * Simulated time, and who goes next. Events happen at their time and, at one time, in the order in which they were
 * planned. What they start runs on by itself until it asks the store for something; there it waits at a gate, and the dice
 * say whose gate opens first. So two controllers interleave between any two of their transactions, every time the same way
 * for one seed.
 */
export class Engine {
  now: number;
  readonly clock: Clock = { now: () => this.now, monotonic: () => this.now };
  readonly #random: Random;
  readonly #queue: Planned[] = [];
  readonly #gates: Gate[] = [];
  #planned = 0;
  /** Something goes on by itself: it has to come to rest before the next event. */
  #astir = false;
  #failed: unknown = null;
  /** Calls to something real that have not come back. */
  #underWay = 0;
  #allCameBack = () => {};

  constructor(start: number, random: Random) {
    this.now = start;
    this.#random = random;
  }

  at(time: number, run: () => void): void {
    push(this.#queue, { time: Math.max(Math.round(time), this.now), order: ++this.#planned, run });
  }

  after(ms: number, run: () => void): void {
    this.at(this.now + ms, run);
  }

  every(ms: number, run: () => void): void {
    this.after(ms, () => {
      run();
      this.every(ms, run);
    });
  }

  /** Waits for its turn. One that belongs to a process that has died is never opened again. */
  gate(owner: { alive: boolean }): Promise<void> {
    return new Promise(open => this.#gates.push({ owner, open }));
  }

  /** Whoever begins something that other code awaits says so; events that only change what is there cost no turn. */
  stir(): void {
    this.#astir = true;
  }

  /** Work that waits for something real: simulated time goes on when it has come back. */
  readonly real = async <T>(work: () => Promise<T>): Promise<T> => {
    this.#underWay++;
    try {
      return await work();
    } finally {
      if (--this.#underWay === 0) this.#allCameBack();
    }
  };

  /** An error that nothing in the simulated world may cause ends the simulation. */
  fail(error: unknown): void {
    this.#failed ??= error;
  }

  /** Until nothing is left to happen, `until`, or `over` says so; `settled` is called whenever all has come to rest. */
  async run(until: number, over: () => boolean, settled: () => void): Promise<void> {
    while (!over()) {
      const next = this.#queue[0];
      if (this.#gates.length > 0 && (next === undefined || next.time > this.now || this.#random.chance(0.7))) {
        await this.#openOne();
        continue;
      }
      if (next === undefined || next.time > until) return;
      if (next.time > this.now) settled();
      pop(this.#queue);
      this.now = next.time;
      next.run();
      if (this.#astir) await quiet();
      if (this.#underWay > 0) await this.#back();
      this.#astir = false;
      if (this.#failed !== null) throw this.#failed;
    }
  }

  async #openOne(): Promise<void> {
    const [gate] = this.#gates.splice(Math.floor(this.#random.unit() * this.#gates.length), 1);
    if (!gate?.owner.alive) return;
    gate.open();
    await quiet();
    if (this.#underWay > 0) await this.#back();
    if (this.#failed !== null) throw this.#failed;
  }

  /** Nothing real is under way any more, and what waited for it has gone on. */
  async #back(): Promise<void> {
    while (this.#underWay > 0) {
      await new Promise<void>(resolve => {
        this.#allCameBack = resolve;
      });
      await quiet();
    }
  }
}

interface Planned {
  time: number;
  order: number;
  run(): void;
}

interface Gate {
  owner: { alive: boolean };
  open(): void;
}

/** Everything that can go on without a gate and waits for nothing real has gone on. */
const quiet = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

const before = (a: Planned, b: Planned): boolean => a.time < b.time || (a.time === b.time && a.order < b.order);

/** A binary heap: half a million events a night pass through it. */
function push(heap: Planned[], item: Planned): void {
  let at = heap.push(item) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent] as Planned;
    if (before(above, item)) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = item;
}

function pop(heap: Planned[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    const other = heap[child + 1];
    if (other !== undefined && before(other, heap[child] as Planned)) child++;
    const below = heap[child] as Planned;
    if (before(last, below)) break;
    heap[at] = below;
    at = child;
  }
  heap[at] = last;
}
