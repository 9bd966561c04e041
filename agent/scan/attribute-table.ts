import { randomInt } from 'node:crypto';

/*
 * Attributes by path, in memory that threads share: a hash table of three words a slot (two of the path's hash, the
 * number of the set + 1). A system with labels has them on each of its files, and some hundred different ones. Paths
 * are not kept: two with one hash of 64 bits, under a start that is drawn anew for each scan, will not be met.
 */

/** What file systems keep about a file beside mode and owner, by name: capabilities, access lists, labels. */
export type AttributeSet = ReadonlyMap<string, Buffer>;

const WORDS = 3;
const FIRST_SLOTS = 1024;

/** Plain data, for another thread. */
export interface AttributeTableMemory {
  slots: SharedArrayBuffer;
  sets: [name: string, value: Uint8Array][][];
  seed: number;
}

export class AttributeTable {
  readonly #seed = randomInt(2 ** 32);
  readonly #sets: AttributeSet[] = [];
  readonly #numbers = new Map<AttributeSet, number>();
  #words = new Uint32Array(FIRST_SLOTS * WORDS);
  #count = 0;

  get sets(): number {
    return this.#sets.length;
  }

  add(path: string, set: AttributeSet): void {
    if ((this.#count + 1) * 2 * WORDS > this.#words.length) this.#grow();
    let number = this.#numbers.get(set);
    if (number === undefined) {
      number = this.#sets.push(set);
      this.#numbers.set(set, number);
    }
    const [low, high] = hashOf(path, this.#seed);
    const at = slotOf(this.#words, low, high);
    if (this.#words[at + 2] === 0) this.#count += 1;
    this.#words.set([low, high, number], at);
  }

  memory(): AttributeTableMemory | null {
    if (this.#count === 0) return null;
    const slots = new SharedArrayBuffer(this.#words.byteLength);
    new Uint32Array(slots).set(this.#words);
    return { slots, sets: this.#sets.map(set => [...set]), seed: this.#seed };
  }

  #grow(): void {
    const old = this.#words;
    this.#words = new Uint32Array(old.length * 2);
    for (let at = 0; at < old.length; at += WORDS) {
      if (old[at + 2] !== 0)
        this.#words.set(old.subarray(at, at + WORDS), slotOf(this.#words, old[at] ?? 0, old[at + 1] ?? 0));
    }
  }
}

/** Looks up what an {@link AttributeTable} holds: null for what has none. */
export function attributesByPath({ slots, sets, seed }: AttributeTableMemory): (path: string) => AttributeSet | null {
  const words = new Uint32Array(slots);
  const revived = sets.map(set => new Map(set.map(([name, value]) => [name, Buffer.from(value)])));
  return path => {
    const [low, high] = hashOf(path, seed);
    const number = words[slotOf(words, low, high) + 2] ?? 0;
    return revived[number - 1] ?? null;
  };
}

function slotOf(words: Uint32Array, low: number, high: number): number {
  const slots = words.length / WORDS;
  let slot = low & (slots - 1);
  for (;;) {
    const at = slot * WORDS;
    if (words[at + 2] === 0 || (words[at] === low && words[at + 1] === high)) return at;
    slot = (slot + 1) & (slots - 1);
  }
}

/** Two hashes after MurmurHash3 over the path's bytes. */
function hashOf(path: string, seed: number): [low: number, high: number] {
  let low = seed;
  let high = ~seed;
  for (let at = 0; at < path.length; at++) {
    const byte = path.charCodeAt(at);
    low = Math.imul(low ^ byte, 0xcc9e2d51);
    low = (low << 15) | (low >>> 17);
    high = Math.imul(high ^ byte, 0x1b873593);
    high = (high << 13) | (high >>> 19);
  }
  return [mixed(low ^ high), mixed(high + Math.imul(low, 5))];
}

function mixed(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
