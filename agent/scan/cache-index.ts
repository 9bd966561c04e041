import fs from 'node:fs';
import { BLOCK, readBlockHead } from './cache-block.ts';

/*
 * Where the block of each directory lies in the files of the stat cache: a hash table of four words a slot (inode,
 * device, place + 1, length), in memory that threads share. A place is the offset times two, plus the number of the file.
 * All are plain numbers: of two inodes beyond 2^53 that become one, the later has the slot, and its block says whose it is.
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
      table.set(Number(inode), Number(device), at * MAX_FILES + number + 1, length);
    }
  });
  return { files, table: table.shared() };
}

class GrowingTable {
  #words = new Float64Array(1024 * WORDS);
  #count = 0;

  set(inode: number, device: number, place: number, length: number): void {
    if ((this.#count + 1) * WORDS * 2 > this.#words.length) this.#grow();
    const words = this.#words;
    const at = slotOf(words, inode, device);
    if (words[at + 2] === 0) this.#count += 1;
    words[at] = inode;
    words[at + 1] = device;
    words[at + 2] = place;
    words[at + 3] = length;
  }

  shared(): SharedArrayBuffer {
    const memory = new SharedArrayBuffer(this.#words.byteLength);
    new Float64Array(memory).set(this.#words);
    return memory;
  }

  #grow(): void {
    const old = this.#words;
    const words = new Float64Array(old.length * 2);
    for (let from = 0; from < old.length; from += WORDS) {
      if (old[from + 2] === 0) continue;
      const to = slotOf(words, old[from] ?? 0, old[from + 1] ?? 0);
      for (let word = 0; word < WORDS; word++) words[to + word] = old[from + word] ?? 0;
    }
    this.#words = words;
  }
}

/** Finds blocks in an index that threads share. */
export class BlockFinder {
  readonly #files: readonly number[];
  readonly #words: Float64Array;

  constructor({ files, table }: CacheIndex) {
    this.#files = files;
    this.#words = new Float64Array(table);
  }

  /** The descriptor, the offset and the length of a directory's block, or null. */
  find(inode: bigint, device: bigint): { file: number; offset: number; length: number } | null {
    const at = slotOf(this.#words, Number(inode), Number(device));
    const place = (this.#words[at + 2] ?? 0) - 1;
    const file = this.#files[place % MAX_FILES];
    if (place < 0 || file === undefined) return null;
    return { file, offset: Math.floor(place / MAX_FILES), length: this.#words[at + 3] ?? 0 };
  }
}

const LOW_WORD = 2 ** 32;

/** The slot of a directory, or the free one where it belongs. There are always free ones. */
function slotOf(table: Float64Array, inode: number, device: number): number {
  const slots = table.length / WORDS;
  const mixed = Math.imul((inode % LOW_WORD) ^ Math.floor(inode / LOW_WORD), 0x9e3779b1) + device;
  let slot = (mixed ^ (mixed >>> 15)) & (slots - 1);
  for (;;) {
    const at = slot * WORDS;
    if (table[at + 2] === 0 || (table[at] === inode && table[at + 1] === device)) return at;
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
