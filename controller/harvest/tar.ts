import { HarvestProblem, shown } from './problem.ts';
import { checkedHeader, cString, headerOf, type PaxRecords, parsePax, type TarHeader } from './tar-header.ts';
import { type OldSparse, oldSparseMap, paxSparse, type SparseMap } from './tar-sparse.ts';

/*
 * tar, read as it comes: ustar, pax (POSIX.1-2001), GNU's long names and sparse files. The reader is pushed, since a
 * package has thousands of small files and a promise for each costs more than its digest. Names are bytes, one character
 * each (https://www.gnu.org/software/tar/manual/html_node/Standard.html).
 */

export interface TarMember {
  path: string;
  /** As in the header, by name; what is none of the first four is refused by whoever takes it. */
  type: 'file' | 'directory' | 'symlink' | 'hardlink' | 'device' | 'fifo' | 'other';
  /** Of a file its real size, with holes. */
  size: number;
  mode: number;
  owner: string;
  group: string;
  linkName: string;
  /** Where its content begins in the stream. */
  position: number;
}

/** Takes the content of one member. */
export interface Content {
  data(chunk: Buffer): void;
  end(): void;
}

/** Null for a member whose content is passed over. */
export type TakeMember = (member: TarMember) => Content | null;

const BLOCK = 512;
const ZEROS = Buffer.alloc(64 * 1024);
/** One zero block ends an archive, two by the standard: dpkg-deb and GNU tar write both. */
const END_BLOCKS = 2;

type State = 'header' | 'meta' | 'sparse' | 'content' | 'padding' | 'ended';

export class TarReader {
  readonly #take: TakeMember;
  readonly #maxMetaBytes: number;
  #state: State = 'header';
  #held: Buffer = Buffer.alloc(0);
  #position = 0;
  #left = 0;
  #padding = 0;
  #zeroBlocks = 0;
  #header: TarHeader | null = null;
  #global: PaxRecords = new Map();
  #pax: PaxRecords = new Map();
  #longName: string | null = null;
  #longLink: string | null = null;
  #oldSparse: OldSparse | null = null;
  #content: Content | null = null;
  #sparse: SparseFeed | null = null;

  constructor(take: TakeMember, maxMetaBytes: number) {
    this.#take = take;
    this.#maxMetaBytes = maxMetaBytes;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) at = this.#step(chunk, at);
  }

  /** After the last piece. Throws where the archive has no end: members may be missing. */
  end(): void {
    if (this.#state !== 'ended' && this.#zeroBlocks === 0) throw cut();
  }

  #step(chunk: Buffer, at: number): number {
    switch (this.#state) {
      case 'header':
      case 'sparse': {
        const block = this.#gather(chunk, at, BLOCK);
        if (block.whole) {
          if (this.#state === 'header') this.#startMember(block.whole);
          else this.#moreSparse(block.whole);
        }
        return block.at;
      }
      case 'meta': {
        const meta = this.#gather(chunk, at, this.#left);
        if (meta.whole) this.#endMeta(meta.whole);
        return meta.at;
      }
      case 'content': {
        const length = Math.min(this.#left, chunk.length - at);
        const part = chunk.subarray(at, at + length);
        if (this.#sparse) this.#sparse.data(part);
        else this.#content?.data(part);
        this.#position += length;
        this.#left -= length;
        if (this.#left === 0) this.#endContent();
        return at + length;
      }
      case 'padding': {
        const length = Math.min(this.#padding, chunk.length - at);
        this.#position += length;
        this.#padding -= length;
        if (this.#padding === 0) this.#state = 'header';
        return at + length;
      }
      case 'ended':
        this.#position += chunk.length - at;
        if (!isZero(chunk.subarray(at))) throw afterEnd();
        return chunk.length;
    }
  }

  /** Collects `length` bytes, over several pieces where it must. */
  #gather(chunk: Buffer, at: number, length: number): { at: number; whole: Buffer | null } {
    const need = length - this.#held.length;
    const part = chunk.subarray(at, at + need);
    this.#position += part.length;
    if (part.length < need) {
      this.#held = Buffer.concat([this.#held, part]);
      return { at: at + part.length, whole: null };
    }
    const whole = this.#held.length === 0 ? part : Buffer.concat([this.#held, part]);
    this.#held = Buffer.alloc(0);
    return { at: at + part.length, whole };
  }

  #startMember(block: Buffer): void {
    if (isZero(block)) {
      this.#zeroBlocks += 1;
      if (this.#zeroBlocks === END_BLOCKS) this.#state = 'ended';
      return;
    }
    if (this.#zeroBlocks > 0) throw afterEnd();
    const header = checkedHeader(headerOf(block));
    this.#header = header;
    this.#left = header.size;
    this.#padding = (BLOCK - (header.size % BLOCK)) % BLOCK;
    if (META_TYPES.has(header.type)) {
      if (header.size > this.#maxMetaBytes)
        throw new HarvestProblem('too-large', `the tar archive has a header of ${header.size} bytes`);
      this.#state = 'meta';
      if (header.size === 0) this.#endMeta(Buffer.alloc(0));
      return;
    }
    if (header.type === 'S') {
      this.#oldSparse = oldSparseMap(block, null);
      if (this.#oldSparse.more) {
        this.#state = 'sparse';
        return;
      }
    }
    this.#openMember(header);
  }

  #moreSparse(block: Buffer): void {
    if (!this.#oldSparse || !this.#header) throw cut();
    this.#oldSparse = oldSparseMap(block, this.#oldSparse);
    if (!this.#oldSparse.more) this.#openMember(this.#header);
  }

  #endMeta(bytes: Buffer): void {
    const type = this.#header?.type;
    if (type === 'L') this.#longName = cString(bytes);
    else if (type === 'K') this.#longLink = cString(bytes);
    else if (type === 'g') this.#global = new Map([...this.#global, ...parsePax(bytes)]);
    else this.#pax = parsePax(bytes);
    this.#state = this.#padding > 0 ? 'padding' : 'header';
  }

  #openMember(header: TarHeader): void {
    const pax: PaxRecords = new Map([...this.#global, ...this.#pax]);
    const size = pax.has('size') ? Number(pax.get('size')) : header.size;
    if (!Number.isSafeInteger(size) || size < 0)
      throw new HarvestProblem('not-sound', `the tar member ${shown(header.name)} has no sound size`);
    const sparse = this.#oldSparse ?? paxSparse(pax);
    const type = memberType(header);
    const stored = type === 'file' ? size : 0;
    this.#left = stored;
    this.#padding = (BLOCK - (stored % BLOCK)) % BLOCK;
    const member: TarMember = {
      path: pax.get('GNU.sparse.name') ?? pax.get('path') ?? this.#longName ?? header.name,
      type,
      size: sparse ? sparse.realSize : stored,
      mode: header.mode,
      owner: pax.get('uname') ?? header.owner,
      group: pax.get('gname') ?? header.group,
      linkName: pax.get('linkpath') ?? this.#longLink ?? header.linkName,
      position: this.#position,
    };
    this.#forget();
    this.#content = this.#take(member);
    this.#sparse = sparse ? new SparseFeed(sparse, this.#content, member.path) : null;
    this.#state = 'content';
    if (this.#left === 0) this.#endContent();
  }

  #endContent(): void {
    this.#sparse?.end();
    this.#content?.end();
    this.#content = null;
    this.#sparse = null;
    this.#state = this.#padding > 0 ? 'padding' : 'header';
  }

  /** What was said about one member says nothing about the next. */
  #forget(): void {
    this.#pax = new Map();
    this.#longName = null;
    this.#longLink = null;
    this.#oldSparse = null;
  }
}

/** Gives content with the holes filled: the digest of a file does not depend on how it was stored. */
class SparseFeed {
  readonly #map: SparseMap;
  readonly #to: Content | null;
  readonly #name: string;
  #segment = 0;
  #written = 0;
  #left = 0;
  #mapText: Buffer | null;

  constructor(map: SparseMap, to: Content | null, name: string) {
    this.#map = map;
    this.#to = to;
    this.#name = name;
    this.#mapText = map.inContent ? Buffer.alloc(0) : null;
    if (!map.inContent) this.#nextSegment();
  }

  data(chunk: Buffer): void {
    let rest = chunk;
    if (this.#mapText) {
      this.#mapText = Buffer.concat([this.#mapText, chunk]);
      const read = this.#map.read(this.#mapText);
      if (!read) return;
      rest = this.#mapText.subarray(read);
      this.#mapText = null;
      this.#nextSegment();
    }
    while (rest.length > 0) {
      if (this.#left === 0) throw lying(this.#name);
      const part = rest.subarray(0, this.#left);
      this.#to?.data(part);
      this.#written += part.length;
      this.#left -= part.length;
      rest = rest.subarray(part.length);
      if (this.#left === 0) this.#nextSegment();
    }
  }

  end(): void {
    if (this.#mapText !== null || this.#left > 0 || this.#written > this.#map.realSize) throw lying(this.#name);
    this.#hole(this.#map.realSize);
  }

  #nextSegment(): void {
    while (this.#segment < this.#map.segments.length) {
      const { offset, length } = this.#map.segments[this.#segment++] ?? { offset: 0, length: 0 };
      if (offset < this.#written || offset + length > this.#map.realSize) throw lying(this.#name);
      this.#hole(offset);
      if (length > 0) {
        this.#left = length;
        return;
      }
    }
  }

  #hole(upTo: number): void {
    while (this.#written < upTo) {
      const part = ZEROS.subarray(0, Math.min(ZEROS.length, upTo - this.#written));
      this.#to?.data(part);
      this.#written += part.length;
    }
  }
}

const META_TYPES = new Set(['L', 'K', 'x', 'g', 'X']);

const TYPES: Readonly<Record<string, TarMember['type']>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'device',
  '4': 'device',
  '5': 'directory',
  '6': 'fifo',
};

/** Before there was a type for directories, a slash at the end of the name said it. */
function memberType({ type, name }: TarHeader): TarMember['type'] {
  const known = TYPES[type] ?? 'other';
  return type === '\0' && name.endsWith('/') ? 'directory' : known;
}

/** Writers fill the last record of 10 KiB and more with zeros. */
function isZero(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const part = bytes.subarray(at, at + ZEROS.length);
    if (!part.equals(ZEROS.subarray(0, part.length))) return false;
  }
  return true;
}

const afterEnd = () => new HarvestProblem('not-sound', 'the tar archive goes on after its end');
const cut = () =>
  new HarvestProblem('truncated', 'the tar archive is truncated: it has no end, so members may be missing');
const lying = (name: string) =>
  new HarvestProblem('not-sound', `the tar member ${shown(name)} has a map of its holes that does not fit its content`);
