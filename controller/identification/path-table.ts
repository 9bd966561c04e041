/** From path hashes to numbers, in three arrays: a Map of this size would take ten times the memory. */
export class PathTable {
  #a = new Int32Array(1024);
  #b = new Int32Array(1024);
  /** One more than the value; 0 is empty. */
  #values = new Float64Array(1024);
  #size = 0;

  /** Undefined where nothing was set. */
  get(a: number, b: number): number | undefined {
    const value = this.#values[this.#place(a, b)] ?? 0;
    return value === 0 ? undefined : value - 1;
  }

  /** A value is an integer from 0 to 2^52. */
  set(a: number, b: number, value: number): void {
    let at = this.#place(a, b);
    if (this.#values[at] === 0) {
      if (this.#size * 2 >= this.#values.length) {
        this.#grow();
        at = this.#place(a, b);
      }
      this.#size += 1;
      this.#a[at] = a;
      this.#b[at] = b;
    }
    this.#values[at] = value + 1;
  }

  #place(a: number, b: number): number {
    const mask = this.#values.length - 1;
    let at = (a ^ (b >>> 15) ^ (a >>> 13)) & mask;
    while (this.#values[at] !== 0 && (this.#a[at] !== a || this.#b[at] !== b)) at = (at + 1) & mask;
    return at;
  }

  #grow(): void {
    const [a, b, values] = [this.#a, this.#b, this.#values];
    this.#a = new Int32Array(a.length * 2);
    this.#b = new Int32Array(a.length * 2);
    this.#values = new Float64Array(a.length * 2);
    for (let at = 0; at < values.length; at++) {
      if (values[at] === 0) continue;
      const to = this.#place(a[at] ?? 0, b[at] ?? 0);
      this.#a[to] = a[at] ?? 0;
      this.#b[to] = b[at] ?? 0;
      this.#values[to] = values[at] ?? 0;
    }
  }
}
