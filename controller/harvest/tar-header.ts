import { HarvestProblem, shown } from './problem.ts';

/** What one block of 512 bytes says (POSIX.1-1988 ustar, GNU, and the v7 of before). Text is one character a byte. */
export interface TarHeader {
  name: string;
  mode: number;
  size: number;
  type: string;
  linkName: string;
  owner: string;
  group: string;
  checksum: number;
  /** What the checksum should be, over unsigned bytes; old tars summed signed ones. */
  sums: readonly [unsigned: number, signed: number];
}

const CHECKSUM_AT = 148;
const CHECKSUM_END = 156;

export function headerOf(block: Buffer): TarHeader {
  const ustar = block.toString('latin1', 257, 262) === 'ustar';
  // GNU has times where ustar has the prefix; a space after the magic tells them apart.
  const prefix = ustar && block[262] === 0 ? field(block, 345, 155) : '';
  const name = field(block, 0, 100);
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    mode: numberOf(block, 100, 8),
    size: numberOf(block, 124, 12),
    type: String.fromCharCode(block[156] ?? 0),
    linkName: field(block, 157, 100),
    owner: ustar ? field(block, 265, 32) : '',
    group: ustar ? field(block, 297, 32) : '',
    checksum: numberOf(block, CHECKSUM_AT, 8),
    sums: sumsOf(block),
  };
}

/** The header, where its checksum holds and its numbers are some. */
export function checkedHeader(header: TarHeader): TarHeader {
  if (!header.sums.includes(header.checksum))
    throw new HarvestProblem('not-sound', 'the tar archive is not sound: the checksum of a header is wrong');
  if (!Number.isSafeInteger(header.size) || header.size < 0)
    throw new HarvestProblem('not-sound', `the tar member ${shown(header.name)} has no sound size`);
  return header;
}

export const cString = (bytes: Buffer): string => {
  const end = bytes.indexOf(0);
  return bytes.toString('latin1', 0, end === -1 ? bytes.length : end);
};

const field = (block: Buffer, at: number, length: number): string => cString(block.subarray(at, at + length));

/** Octal digits, or since GNU big-endian after a first byte of 0x80. NaN for what is neither. */
export function numberOf(block: Buffer, at: number, length: number): number {
  const first = block[at] ?? 0;
  if (first === 0x80) {
    let value = 0;
    for (let index = at + 1; index < at + length; index++) value = value * 256 + (block[index] ?? 0);
    return value;
  }
  const text = field(block, at, length).trim();
  if (text === '') return 0;
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number.NaN;
}

function sumsOf(block: Buffer): [number, number] {
  let [unsigned, signed] = [0, 0];
  for (let at = 0; at < block.length; at++) {
    const byte = at >= CHECKSUM_AT && at < CHECKSUM_END ? 0x20 : (block[at] ?? 0);
    unsigned += byte;
    signed += byte < 0x80 ? byte : byte - 0x100;
  }
  return [unsigned, signed];
}

export type PaxRecords = Map<string, string>;

/** `LENGTH KEY=VALUE\n`, the length counting itself. GNU's old maps of holes repeat a key: their values are joined. */
export function parsePax(bytes: Buffer): PaxRecords {
  const records: PaxRecords = new Map();
  const text = bytes.toString('latin1');
  for (let at = 0; at < text.length; ) {
    const space = text.indexOf(' ', at);
    const length = space === -1 ? Number.NaN : Number(text.slice(at, space));
    const record = text.slice(space + 1, at + length - 1);
    const equals = record.indexOf('=');
    if (
      !Number.isInteger(length) ||
      length < 5 ||
      at + length > text.length ||
      equals < 1 ||
      text[at + length - 1] !== '\n'
    )
      throw new HarvestProblem('not-sound', 'the tar archive has an extended header that is not sound');
    const key = record.slice(0, equals);
    const value = record.slice(equals + 1);
    const before = REPEATED.has(key) ? records.get(key) : undefined;
    records.set(key, before === undefined ? value : `${before},${value}`);
    at += length;
  }
  return records;
}

const REPEATED = new Set(['GNU.sparse.offset', 'GNU.sparse.numbytes']);
