/**
 * Random numbers from a seed. Each purpose draws from a stream of its own (`fork`), so that one more die thrown for the
 * network does not change which hosts fail: a seed that found something goes on finding it for longer.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;
  readonly #name: string;

  constructor(seed: number | string) {
    this.#name = `${seed}`;
    [this.#a, this.#b, this.#c, this.#d] = stateOf(this.#name);
    for (let warm = 0; warm < 12; warm++) this.#next();
  }

  /** A stream that depends on this one's seed and on the name, and on nothing that was drawn. */
  fork(name: string): Random {
    return new Random(`${this.#name}/${name}`);
  }

  /** From 0 up to, without, 1. */
  unit(): number {
    return this.#next() / 2 ** 32;
  }

  /** A whole number from `from` to `to`, both included. */
  int(from: number, to: number): number {
    return from + Math.floor(this.unit() * (to - from + 1));
  }

  chance(share: number): boolean {
    return this.unit() < share;
  }

  pick<T>(of: readonly T[]): T {
    const one = of[Math.floor(this.unit() * of.length)];
    if (one === undefined) throw new Error('nothing to pick from');
    return one;
  }

  shuffled<T>(of: readonly T[]): T[] {
    const list = [...of];
    for (let at = list.length - 1; at > 0; at--) {
      const other = this.int(0, at);
      const kept = list[at] as T;
      list[at] = list[other] as T;
      list[other] = kept;
    }
    return list;
  }

  /** Median 1; `spread` is the standard deviation of its logarithm. Durations of one kind of work look like this. */
  factor(spread: number): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.unit()));
    return Math.exp(spread * radius * Math.cos(2 * Math.PI * this.unit()));
  }

  /** sfc32 of PractRand: 128 bits of state, passes its tests, a handful of operations. */
  #next(): number {
    const sum = (this.#a + this.#b + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (this.#c << 21) | (this.#c >>> 11);
    this.#c = (this.#c + sum) | 0;
    return sum >>> 0;
  }
}

/** FNV-1a over the name, four times with other starts. */
function stateOf(name: string): [number, number, number, number] {
  const hash = (start: number): number => {
    let value = start;
    for (let at = 0; at < name.length; at++) value = Math.imul(value ^ name.charCodeAt(at), 16_777_619);
    return value | 0;
  };
  return [hash(2_166_136_261), hash(40_389), hash(1_540_483_477), 1];
}
