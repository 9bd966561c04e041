import type { HarvestLimits } from './limits.ts';
import { HarvestProblem } from './problem.ts';
import type { StreamReader } from './stream-reader.ts';

/* https://rpm-software-management.github.io/rpm/manual/format_v4.html: a header is an index of tags over a store of bytes. */

const MAGIC = Buffer.from([0x8e, 0xad, 0xe8, 0x01]);
const INTRO_BYTES = 16;
const ENTRY_BYTES = 16;
/** rpm's own (`headerInit` refuses more). */
const MAX_ENTRIES = 65_535;

const TYPE = {
  char: 1,
  int8: 2,
  int16: 3,
  int32: 4,
  int64: 5,
  string: 6,
  binary: 7,
  stringArray: 8,
  i18nString: 9,
} as const;
const WIDTH: Readonly<Record<number, number>> = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1 };

interface IndexEntry {
  type: number;
  offset: number;
  count: number;
}

/** What one header says, by tag number. Values are checked when they are asked for. */
export class RpmHeader {
  /** As it lies in the file: what signatures are over. */
  readonly bytes: Buffer;
  readonly #store: Buffer;
  readonly #entries = new Map<number, IndexEntry>();

  constructor(bytes: Buffer, entries: number) {
    this.bytes = bytes;
    this.#store = bytes.subarray(INTRO_BYTES + entries * ENTRY_BYTES);
    for (let at = 0; at < entries; at++) {
      const from = INTRO_BYTES + at * ENTRY_BYTES;
      const [tag, type, offset, count] = [0, 4, 8, 12].map(field => bytes.readUInt32BE(from + field));
      if (tag === undefined || type === undefined || offset === undefined || count === undefined)
        throw unsound('an index that is cut');
      if (offset > this.#store.length || count === 0 || count > this.#store.length)
        throw unsound(`a tag ${tag} that lies outside of it`);
      if (this.#entries.has(tag))
        throw new HarvestProblem('duplicate', `the header of the package has tag ${tag} twice`);
      this.#entries.set(tag, { type, offset, count });
    }
  }

  text(tag: number): string | null {
    return this.texts(tag)?.[0] ?? null;
  }

  /** One character a byte. */
  texts(tag: number): string[] | null {
    const entry = this.#entries.get(tag);
    if (!entry) return null;
    if (entry.type !== TYPE.string && entry.type !== TYPE.stringArray && entry.type !== TYPE.i18nString)
      throw unsound(`a tag ${tag} that is no text`);
    const texts: string[] = [];
    let at = entry.offset;
    for (let left = entry.count; left > 0; left--) {
      const end = this.#store.indexOf(0, at);
      if (end === -1) throw unsound(`a tag ${tag} without an end`);
      texts.push(this.#store.toString('latin1', at, end));
      at = end + 1;
    }
    return texts;
  }

  numbers(tag: number): number[] | null {
    const entry = this.#entries.get(tag);
    if (!entry) return null;
    const width = WIDTH[entry.type];
    if (width === undefined || entry.offset + entry.count * width > this.#store.length)
      throw unsound(`a tag ${tag} that is no list of numbers`);
    return Array.from({ length: entry.count }, (_, at) =>
      width === 8
        ? Number(this.#store.readBigUInt64BE(entry.offset + at * 8))
        : this.#store.readUIntBE(entry.offset + at * width, width),
    );
  }

  binary(tag: number): Buffer | null {
    const entry = this.#entries.get(tag);
    if (!entry) return null;
    if (entry.type !== TYPE.binary || entry.offset + entry.count > this.#store.length)
      throw unsound(`a tag ${tag} that is no bytes`);
    return this.#store.subarray(entry.offset, entry.offset + entry.count);
  }
}

/** Reads the next header. `padded`: up to the next multiple of eight bytes, as behind signatures. */
export async function readRpmHeader(
  reader: StreamReader,
  what: string,
  padded: boolean,
  limits: HarvestLimits,
): Promise<RpmHeader> {
  const intro = await reader.exact(INTRO_BYTES, what);
  if (!intro.subarray(0, MAGIC.length).equals(MAGIC)) throw unsound(`no ${what}`);
  const [entries, storeBytes] = [intro.readUInt32BE(8), intro.readUInt32BE(12)];
  if (entries > MAX_ENTRIES || storeBytes > limits.maxHeaderBytes)
    throw new HarvestProblem('too-large', `${what} of the package has ${entries} tags in ${storeBytes} bytes`);
  const rest = await reader.exact(entries * ENTRY_BYTES + storeBytes, what);
  if (padded) await reader.skip((8 - (storeBytes % 8)) % 8, what);
  return new RpmHeader(Buffer.concat([intro, rest]), entries);
}

const unsound = (what: string) =>
  new HarvestProblem('not-sound', `the header of the package is not sound: it has ${what}`);
