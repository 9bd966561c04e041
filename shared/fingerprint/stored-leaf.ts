import { Buffer } from 'node:buffer';
import { assert } from '../base/assert.ts';
import { ByteReader } from '../merkle/codec.ts';
import type { Entry, NodeId } from './entry.ts';
import { readCount, readEntry, readMetaTable, skipEntry } from './entry-codec.ts';
import { type Bucket, type NodeHead, readHeadFrom } from './node.ts';
import type { Plane } from './profile.ts';

/**
 * A leaf that was decoded whole when it came, and is read again: of two directories that differ in one file nearly all
 * entries are the same bytes, and none of these becomes an object. Throws NotCanonical where it is no leaf after all.
 */
export class StoredLeaf implements Bucket {
  readonly type = 'leaf';
  readonly plane: Plane;
  readonly weight: number;
  readonly depth: number;
  readonly prefix: Buffer;
  readonly #data: Buffer;
  /** Of its meta objects, and where the bytes that say so begin and end. */
  readonly #table: NodeId[];
  readonly #tableAt: number;
  readonly #tableEnd: number;
  /** Where each entry begins, and where the last one ends. */
  readonly #starts: number[];
  #entries: Entry[] | null = null;

  private constructor(data: Buffer, head: Extract<NodeHead, { type: 'leaf' | 'split' }>, reader: ByteReader) {
    this.#data = data;
    this.plane = head.plane;
    this.weight = head.weight;
    this.depth = head.depth;
    this.prefix = head.prefix;
    this.#tableAt = reader.at;
    this.#table = readMetaTable(reader);
    this.#tableEnd = reader.at;
    const count = readCount(reader);
    this.#starts = [reader.at];
    for (let index = 0; index < count; index++) this.#starts.push(skipEntry(reader).at);
    reader.end();
  }

  /** Null where these bytes begin as another node does. */
  static of(bytes: Uint8Array): StoredLeaf | null {
    const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const reader = new ByteReader(data);
    const head = readHeadFrom(reader);
    return head.type === 'leaf' ? new StoredLeaf(data, head, reader) : null;
  }

  get count(): number {
    return this.#starts.length - 1;
  }

  get entries(): readonly Entry[] {
    this.#entries ??= this.#starts.slice(0, -1).map((_, index) => this.entry(index));
    return this.#entries;
  }

  entry(index: number): Entry {
    return this.#entries?.[index] ?? readEntry(new ByteReader(this.#data, this.#start(index)), this.#table).entry;
  }

  /** Entries of one name side by side, without those that are the same in both. */
  *differing(other: StoredLeaf): Generator<[Entry | null, Entry | null]> {
    const isOneTable = this.#isSame(other, [this.#tableAt, this.#tableEnd], [other.#tableAt, other.#tableEnd]);
    let left = 0;
    let right = 0;
    while (left < this.count || right < other.count) {
      const order = left === this.count ? 1 : right === other.count ? -1 : this.#order(left, other, right);
      const isSame = order === 0 && isOneTable && this.#isSame(other, this.#span(left), other.#span(right));
      if (!isSame) yield [order <= 0 ? this.entry(left) : null, order >= 0 ? other.entry(right) : null];
      if (order <= 0) left += 1;
      if (order >= 0) right += 1;
    }
  }

  #order(index: number, other: StoredLeaf, otherIndex: number): number {
    const [from, to] = this.#name(index);
    const [otherFrom, otherTo] = other.#name(otherIndex);
    return this.#data.compare(other.#data, otherFrom, otherTo, from, to);
  }

  #isSame(other: StoredLeaf, [from, to]: Range, [otherFrom, otherTo]: Range): boolean {
    return to - from === otherTo - otherFrom && this.#data.compare(other.#data, otherFrom, otherTo, from, to) === 0;
  }

  #span(index: number): Range {
    return [this.#start(index), this.#start(index + 1)];
  }

  /** An entry begins with its name, and that with its length in one byte or two. */
  #name(index: number): Range {
    const at = this.#start(index);
    const first = this.#data[at] ?? 0;
    const second = this.#data[at + 1] ?? 0;
    return first < 0x80 ? [at + 1, at + 1 + first] : [at + 2, at + 2 + (first & 0x7f) + second * 0x80];
  }

  #start(index: number): number {
    const at = this.#starts[index];
    assert(at !== undefined, 'an entry of this leaf');
    return at;
  }
}

type Range = [from: number, to: number];
