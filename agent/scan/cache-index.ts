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
/** At least: a table that is fuller is searched for longer. */
const SLOTS_PER_BLOCK = 1.4;

export interface CacheIndex {
  /** Of at most two files; blocks of the later one count. */
  files: number[];
  table: SharedArrayBuffer;
}

/**
 * Reads the heads of all blocks from `from` on. A file that does not go on with a block ends there. Counts them before, so
 * that the table is made once: one that grows leaves twice its size behind.
 */
export function indexCache(files: number[], from: number): CacheIndex {
  const read = files.slice(0, MAX_FILES);
  const count = read.reduce((sum, file) => sum + countOf(headsOf(file, from)), 0);
  const slots = 2 ** Math.ceil(Math.log2(Math.max(16, count * SLOTS_PER_BLOCK)));
  const table = new SharedArrayBuffer(slots * WORDS * Float64Array.BYTES_PER_ELEMENT);
  const words = new Float64Array(table);
  read.forEach((file, number) => {
    for (const { at, inode, device, length } of headsOf(file, from)) {
      const [of, on] = [Number(inode), Number(device)];
      words.set([of, on, at * MAX_FILES + number + 1, length], slotOf(words, of, on));
    }
  });
  return { files, table };
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

function countOf(blocks: Iterable<unknown>): number {
  let count = 0;
  for (const _ of blocks) count += 1;
  return count;
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
