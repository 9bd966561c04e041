import fs from 'node:fs';
import { BLOCK, readBlockHead } from './cache-block.ts';

/*
 * Where the block of each directory lies in the files of the stat cache: a hash table of four words a slot (inode,
 * device, place + 1, length), in memory that threads share. A place is the offset times two, plus the number of the file.
 */

const WORDS = 4;
const WINDOW_BYTES = 256 * 1024;
const MAX_FILES = 2;

export interface CacheIndex {
  /** Of at most two files; blocks of the later one count. */
  files: number[];
  table: SharedArrayBuffer;
}

/** Reads the heads of all blocks from `from` on. A file that does not go on with a block ends there. */
export function indexCache(files: number[], from: number): CacheIndex {
  const table = new GrowingTable();
  files.slice(0, MAX_FILES).forEach((file, number) => {
    for (const { at, inode, device, length } of headsOf(file, from)) {
      table.set(inode, device, BigInt(at * MAX_FILES + number + 1), BigInt(length));
    }
  });
  return { files, table: table.shared() };
}

class GrowingTable {
  #words = new BigUint64Array(16 * WORDS);
  #count = 0;

  set(inode: bigint, device: bigint, place: bigint, length: bigint): void {
    if ((this.#count + 1) * WORDS * 2 > this.#words.length) this.#grow();
    const words = this.#words;
    const at = slotOf(words, inode, device);
    if (words[at + 2] === 0n) this.#count += 1;
    words[at] = inode;
    words[at + 1] = device;
    words[at + 2] = place;
    words[at + 3] = length;
  }

  shared(): SharedArrayBuffer {
    const memory = new SharedArrayBuffer(this.#words.byteLength);
    new BigUint64Array(memory).set(this.#words);
    return memory;
  }

  #grow(): void {
    const old = this.#words;
    this.#words = new BigUint64Array(old.length * 2);
    for (let at = 0; at < old.length; at += WORDS) {
      if (old[at + 2] === 0n) continue;
      this.#words.set(old.subarray(at, at + WORDS), slotOf(this.#words, old[at] ?? 0n, old[at + 1] ?? 0n));
    }
  }
}

/** Finds blocks in an index that threads share. */
export class BlockFinder {
  readonly #files: readonly number[];
  readonly #words: BigUint64Array;

  constructor({ files, table }: CacheIndex) {
    this.#files = files;
    this.#words = new BigUint64Array(table);
  }

  /** The descriptor, the offset and the length of a directory's block, or null. */
  find(inode: bigint, device: bigint): { file: number; offset: number; length: number } | null {
    const at = slotOf(this.#words, inode, device);
    const place = Number(this.#words[at + 2] ?? 0n) - 1;
    const file = this.#files[place % MAX_FILES];
    if (place < 0 || file === undefined) return null;
    return { file, offset: Math.floor(place / MAX_FILES), length: Number(this.#words[at + 3] ?? 0n) };
  }
}

/** The slot of a directory, or the free one where it belongs. There are always free ones. */
function slotOf(table: BigUint64Array, inode: bigint, device: bigint): number {
  const slots = table.length / WORDS;
  let slot = Number(BigInt.asUintN(52, inode * 0x9e3779b97f4a7c15n + device) >> 12n) & (slots - 1);
  for (;;) {
    const at = slot * WORDS;
    if (table[at + 2] === 0n || (table[at] === inode && table[at + 1] === device)) return at;
    slot = (slot + 1) & (slots - 1);
  }
}

function* headsOf(
  file: number,
  start: number,
): Generator<{ at: number; inode: bigint; device: bigint; length: number }> {
  const { size } = fs.fstatSync(file);
  const window = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  let from = 0;
  let held = 0;
  for (let at = start; at + BLOCK.head <= size; ) {
    if (at < from || at + BLOCK.head > from + held) {
      from = at;
      held = fs.readSync(file, window, 0, WINDOW_BYTES, at);
    }
    const head = readBlockHead(window.subarray(at - from, held));
    if (!head || at + head.length > size) return;
    yield { at, inode: head.inode, device: head.device, length: head.length };
    at += head.length;
  }
}
