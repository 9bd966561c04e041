import { ID_BYTES } from '@tidemark/shared/fingerprint/node.ts';

/*
 * Ids that the threads of a scan have seen, in memory that they share: a hash table whose slots go from free to claimed
 * to named. Where it is full, an id counts as new each time: then a node is written twice, which does no harm.
 */

const WORDS = ID_BYTES / 4;
const DEFAULT_SLOTS = 128 * 1024;
const MAX_PROBES = 64;
const FREE = 0;
const CLAIMED = 1;
const NAMED = 2;

export const sharedIdsMemory = (slots = DEFAULT_SLOTS): SharedArrayBuffer =>
  new SharedArrayBuffer(slots * (1 + WORDS) * 4);

export class SharedIds {
  readonly #slots: number;
  readonly #states: Int32Array;
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer = sharedIdsMemory()) {
    this.#slots = memory.byteLength / ((1 + WORDS) * 4);
    this.#states = new Int32Array(memory, 0, this.#slots);
    this.#words = new Int32Array(memory, this.#slots * 4);
  }

  /** True where nobody has added this id (32 bytes at `from`) before. */
  add(bytes: Buffer, from: number): boolean {
    // Ids are digests: their first bytes are as good as any hash.
    let slot = bytes.readUInt32LE(from) % this.#slots;
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      if (Atomics.compareExchange(this.#states, slot, FREE, CLAIMED) === FREE) {
        for (let word = 0; word < WORDS; word++) this.#words[slot * WORDS + word] = bytes.readInt32LE(from + word * 4);
        Atomics.store(this.#states, slot, NAMED);
        Atomics.notify(this.#states, slot);
        return true;
      }
      // Its id is written in a moment.
      Atomics.wait(this.#states, slot, CLAIMED);
      if (this.#isAt(slot, bytes, from)) return false;
      slot = (slot + 1) % this.#slots;
    }
    return true;
  }

  #isAt(slot: number, bytes: Buffer, from: number): boolean {
    for (let word = 0; word < WORDS; word++) {
      if (this.#words[slot * WORDS + word] !== bytes.readInt32LE(from + word * 4)) return false;
    }
    return true;
  }
}
