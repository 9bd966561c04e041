import { HarvestProblem } from './problem.ts';
import { numberOf, type PaxRecords } from './tar-header.ts';

/*
 * Files with holes, in the four ways in which GNU tar has written them: blocks behind the header (oldgnu), and in pax
 * records (0.0 one record a number, 0.1 one list, 1.0 a list before the content).
 */

export interface Segment {
  offset: number;
  length: number;
}

export interface SparseMap {
  realSize: number;
  segments: Segment[];
  /** The map comes with the content. */
  inContent: boolean;
  /** Of such a map: reads it, and says how many bytes it takes; 0 while they are not all there. */
  read(text: Buffer): number;
}

export interface OldSparse extends SparseMap {
  /** Another block of the map follows. */
  more: boolean;
}

/** 4 in the header, 21 in each block behind it. */
const [IN_HEADER, IN_BLOCK] = [4, 21];
const MAX_SEGMENTS = 100_000;
const BLOCK = 512;

/** What the header says (`before` is null), or one block more. */
export function oldSparseMap(block: Buffer, before: OldSparse | null): OldSparse {
  const [at, count, moreAt] = before ? [0, IN_BLOCK, 504] : [386, IN_HEADER, 482];
  const segments = [...(before?.segments ?? [])];
  for (let index = 0; index < count; index++) {
    const from = at + index * 24;
    if (block[from] === 0) break;
    segments.push({ offset: numberOf(block, from, 12), length: numberOf(block, from + 12, 12) });
  }
  const realSize = before ? before.realSize : numberOf(block, 483, 12);
  return { ...checked(realSize, segments), more: block[moreAt] === 1 };
}

/** Null for a member without holes. */
export function paxSparse(pax: PaxRecords): SparseMap | null {
  if (pax.get('GNU.sparse.major') === '1') {
    const map = checked(Number(pax.get('GNU.sparse.realsize')), []);
    return { ...map, inContent: true, read: text => readMap(text, map) };
  }
  const realSize = pax.get('GNU.sparse.size');
  if (realSize === undefined) return null;
  const listed = pax.get('GNU.sparse.map')?.split(',').map(Number);
  const offsets = pax.get('GNU.sparse.offset')?.split(',').map(Number) ?? [];
  const lengths = pax.get('GNU.sparse.numbytes')?.split(',').map(Number) ?? [];
  return checked(
    Number(realSize),
    listed ? pairs(listed) : offsets.map((offset, at) => ({ offset, length: lengths[at] ?? Number.NaN })),
  );
}

const pairs = (numbers: readonly number[]): Segment[] =>
  numbers.flatMap((offset, at) => (at % 2 === 0 ? [{ offset, length: numbers[at + 1] ?? Number.NaN }] : []));

/** Decimal numbers, a line each: how many segments, then offset and length of each; zeros up to the end of the block. */
function readMap(text: Buffer, map: SparseMap): number {
  const numbers: number[] = [];
  let at = 0;
  while (numbers.length === 0 || numbers.length < 1 + 2 * (numbers[0] ?? 0)) {
    const end = text.indexOf(0x0a, at);
    if (end === -1) return text.length > MAX_SEGMENTS * BLOCK ? unsound() : 0;
    numbers.push(Number(text.toString('latin1', at, end)));
    if (!((numbers[0] ?? 0) <= MAX_SEGMENTS)) unsound();
    at = end + 1;
  }
  const length = Math.ceil(at / BLOCK) * BLOCK;
  if (text.length < length) return 0;
  map.segments.push(...checked(map.realSize, pairs(numbers.slice(1))).segments);
  return length;
}

function checked(realSize: number, segments: Segment[]): SparseMap {
  const sound = (value: number) => Number.isSafeInteger(value) && value >= 0;
  if (!sound(realSize) || segments.length > MAX_SEGMENTS) unsound();
  for (const { offset, length } of segments) if (!sound(offset) || !sound(length)) unsound();
  return { realSize, segments, inContent: false, read: () => 0 };
}

function unsound(): never {
  throw new HarvestProblem('not-sound', 'the tar archive has a map of holes that is not sound');
}
