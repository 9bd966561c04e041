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
  const found: BigUint64Array[] = [];
  files.slice(0, MAX_FILES).forEach((file, number) => {
    for (const { at, inode, device, length } of headsOf(file, from)) {
      found.push(BigUint64Array.of(inode, device, BigInt(at * MAX_FILES + number + 1), BigInt(length)));
    }
  });
  let slots = 16;
  while (slots < found.length * 2) slots *= 2;
  const table = new BigUint64Array(new SharedArrayBuffer(slots * WORDS * 8));
  for (const words of found) table.set(words, slotOf(table, words[0] ?? 0n, words[1] ?? 0n));
  return { files, table: table.buffer };
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
