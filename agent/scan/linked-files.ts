import type { BigIntStats } from 'node:fs';

/*
 * Files with several names, in memory that the threads of a scan share, so that each is read once: a hash table whose
 * slots go from free to claimed to named to done, or to failed. Who claims a slot reads the file; others wait.
 *
 *   slot = state:u32 runs:u32 inode:u64 device:u64 ctimeNs:u64 digest:32
 */

const SLOT_BYTES = 64;
const DEFAULT_SLOTS = 64 * 1024;
/** A table that is this full is of no more use: files that find no place are read under each of their names. */
const MAX_PROBES = 64;

const FREE = 0;
const CLAIMED = 1;
const NAMED = 2;
const DONE = 3;
const FAILED = 4;

export interface LinkedFile {
  digest: Buffer;
  runs: boolean;
}

export type Claim =
  /** Read already, under another name. */
  | { status: 'known'; file: LinkedFile }
  /** The first to meet it: has to say how it went, in any case. */
  | { status: 'mine'; settle: (file: LinkedFile | null) => void }
  | { status: 'apart' };

/** Only touched pages take memory. */
export const linkedFilesMemory = (slots = DEFAULT_SLOTS): SharedArrayBuffer =>
  new SharedArrayBuffer(slots * SLOT_BYTES);

export class LinkedFiles {
  readonly #bytes: Buffer;
  readonly #states: Int32Array;
  readonly #slots: number;

  constructor(memory: SharedArrayBuffer = linkedFilesMemory()) {
    this.#bytes = Buffer.from(memory);
    this.#states = new Int32Array(memory);
    this.#slots = memory.byteLength / SLOT_BYTES;
  }

  /** For a file that has several names, as it was seen. */
  claim(stat: BigIntStats): Claim {
    const first = Number(BigInt.asUintN(52, stat.ino * 0x9e3779b97f4a7c15n + stat.dev) >> 12n) % this.#slots;
    for (let probe = 0; probe < Math.min(MAX_PROBES, this.#slots); probe++) {
      const slot = (first + probe) % this.#slots;
      const at = (slot * SLOT_BYTES) / Int32Array.BYTES_PER_ELEMENT;
      if (Atomics.compareExchange(this.#states, at, FREE, CLAIMED) === FREE) return this.#mine(slot, at, stat);
      // Its name is written in a moment.
      Atomics.wait(this.#states, at, CLAIMED);
      if (!this.#isOf(slot, stat)) continue;
      Atomics.wait(this.#states, at, NAMED);
      return Atomics.load(this.#states, at) === DONE
        ? { status: 'known', file: this.#file(slot) }
        : { status: 'apart' };
    }
    return { status: 'apart' };
  }

  #mine(slot: number, at: number, stat: BigIntStats): Claim {
    const offset = slot * SLOT_BYTES;
    this.#bytes.writeBigUInt64LE(stat.ino, offset + 8);
    this.#bytes.writeBigUInt64LE(stat.dev, offset + 16);
    this.#bytes.writeBigUInt64LE(BigInt.asUintN(64, stat.ctimeNs), offset + 24);
    this.#move(at, NAMED);
    return {
      status: 'mine',
      settle: file => {
        if (file) {
          this.#bytes.writeUInt32LE(file.runs ? 1 : 0, offset + 4);
          file.digest.copy(this.#bytes, offset + 32);
        }
        this.#move(at, file ? DONE : FAILED);
      },
    };
  }

  #move(at: number, state: number): void {
    Atomics.store(this.#states, at, state);
    Atomics.notify(this.#states, at);
  }

  #isOf(slot: number, stat: BigIntStats): boolean {
    const offset = slot * SLOT_BYTES;
    return (
      this.#bytes.readBigUInt64LE(offset + 8) === stat.ino &&
      this.#bytes.readBigUInt64LE(offset + 16) === stat.dev &&
      this.#bytes.readBigUInt64LE(offset + 24) === BigInt.asUintN(64, stat.ctimeNs)
    );
  }

  #file(slot: number): LinkedFile {
    const offset = slot * SLOT_BYTES;
    return {
      digest: Buffer.from(this.#bytes.subarray(offset + 32, offset + SLOT_BYTES)),
      runs: this.#bytes.readUInt32LE(offset + 4) === 1,
    };
  }
}
