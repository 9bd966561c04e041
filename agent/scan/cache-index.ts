import fs from 'node:fs';
import { BLOCK_HEAD_BYTES, readBlockHead } from './cache-records.ts';

/*
 * Where the block of each directory lies in the files of the stat cache: a hash table of three words a slot (inode,
 * device, place + 1), in memory that threads share. A place is the offset times two, plus the number of the file.
 */

const WORDS = 3;
const WINDOW_BYTES = 256 * 1024;
const MAX_FILES = 2;

export interface CacheIndex {
  /** Of at most two files; blocks of the later one count. */
  files: number[];
  table: SharedArrayBuffer;
}

/** Reads the heads of all blocks. A file that does not go on with a block ends there. */
export function indexCache(files: number[]): CacheIndex {
  const found: { inode: bigint; device: bigint; place: number }[] = [];
  files.slice(0, MAX_FILES).forEach((file, number) => {
    for (const { at, inode, device } of headsOf(file)) found.push({ inode, device, place: at * MAX_FILES + number });
  });
  let slots = 16;
  while (slots < found.length * 2) slots *= 2;
  const table = new BigUint64Array(new SharedArrayBuffer(slots * WORDS * 8));
  for (const { inode, device, place } of found) {
    const at = slotOf(table, inode, device);
    table[at] = inode;
    table[at + 1] = device;
    table[at + 2] = BigInt(place + 1);
  }
  return { files, table: table.buffer };
}

/** The descriptor and the offset of a directory's block, or null. */
export function findBlock({ files, table }: CacheIndex, inode: bigint, device: bigint) {
  if (files.length === 0) return null;
  const words = new BigUint64Array(table);
  const place = Number(words[slotOf(words, inode, device) + 2] ?? 0n) - 1;
  const file = files[place % MAX_FILES];
  return place < 0 || file === undefined ? null : { file, offset: Math.floor(place / MAX_FILES) };
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

function* headsOf(file: number): Generator<{ at: number; inode: bigint; device: bigint }> {
  const { size } = fs.fstatSync(file);
  const window = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  let from = 0;
  let held = 0;
  for (let at = 0; at + BLOCK_HEAD_BYTES <= size; ) {
    if (at < from || at + BLOCK_HEAD_BYTES > from + held) {
      from = at;
      held = fs.readSync(file, window, 0, WINDOW_BYTES, at);
    }
    const head = readBlockHead(window.subarray(at - from, held));
    if (!head || at + head.length > size) return;
    yield { at, inode: head.inode, device: head.device };
    at += head.length;
  }
}
