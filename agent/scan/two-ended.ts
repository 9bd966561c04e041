/** Taken from both ends, each in constant time: an array's own `shift` moves all that is behind, of 100,000 each time. */
export class TwoEnded<T> {
  #items: (T | undefined)[] = [];
  #from = 0;

  get length(): number {
    return this.#items.length - this.#from;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** The last one. */
  pop(): T | undefined {
    return this.length > 0 ? this.#items.pop() : undefined;
  }

  /** The first one. */
  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#from];
    this.#items[this.#from] = undefined;
    this.#from += 1;
    if (this.#from * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#from);
      this.#from = 0;
    }
    return item;
  }
}
