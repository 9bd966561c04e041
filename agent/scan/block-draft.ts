import type { BigIntStats } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { NodeId } from '@tidemark/shared/fingerprint/entry.ts';
import { type EncodedNode, ID_BYTES } from '@tidemark/shared/fingerprint/node.ts';
import {
  BLOCK,
  type DirectoryNodes,
  META_IN_CONFIG,
  META_IN_SOFTWARE,
  RECORD,
  RECORD_KINDS,
  RUNS,
  type StoredBlock,
  seenOf,
  WHOLE,
} from './cache-block.ts';
import { recordLength, writeRecord } from './node-records.ts';

const FIRST_BYTES = 4 * 1024;
/** Larger ones, and more of them, are not kept for the next draft. */
const MAX_SPARE_BYTES = 64 * 1024;
const MAX_SPARES = 32;
const NO_ID = Buffer.alloc(ID_BYTES);

export interface KeptEntry {
  kind: Exclude<keyof typeof RECORD_KINDS, 'directory'>;
  name: string;
  stat: BigIntStats;
  /** Of a file. */
  runs: boolean;
  meta: NodeId;
  dueAtS: number;
  /** Digest of a file, target of a link; null for others, which have none or whose number is in their stat. */
  value: Buffer | null;
}

export interface FinishedDirectory {
  stat: BigIntStats;
  /** Of the server, bytes as latin1. */
  path: string;
  own: DirectoryNodes;
  /** Its mode and owner may change once more without showing it. */
  isRacy: boolean;
  /** Of meta objects alone where it is not whole. */
  nodes: readonly EncodedNode[];
  isWhole: boolean;
}

/** Memory of drafts that are finished, for those that come: one for each thread. */
export type Spares = Buffer[];

/** What is to be the block of one directory: records in any order until it is finished. */
export class BlockDraft {
  readonly #spares: Spares;
  #bytes: Buffer;
  #length = 0;
  #isInOrder = true;
  readonly #names: string[] = [];
  readonly #places: number[] = [];
  readonly #metas: NodeId[] = [];
  readonly #metaPlaces = new Map<string, number>();

  constructor(spares: Spares) {
    this.#spares = spares;
    this.#bytes = spares.pop() ?? Buffer.allocUnsafeSlow(FIRST_BYTES);
  }

  get count(): number {
    return this.#names.length;
  }

  /** Bytes of its records. */
  get length(): number {
    return this.#length;
  }

  /** Ids of the meta objects that its records name. */
  get metas(): readonly NodeId[] {
    return this.#metas;
  }

  add({ kind, name, stat, runs, meta, dueAtS, value }: KeptEntry): void {
    const isDevice = kind === 'block' || kind === 'character';
    const own = isDevice ? numberBytes(stat.rdev) : value;
    const at = this.#begin(name, RECORD_KINDS[kind], own?.length ?? 0);
    const bytes = this.#bytes;
    bytes.writeUInt8(runs ? RUNS : 0, at + RECORD.flags);
    bytes.writeUInt32LE(this.#metaPlace(meta), at + RECORD.meta);
    const seen = seenOf(stat);
    bytes.writeDoubleLE(seen.ino, at + RECORD.inode);
    bytes.writeDoubleLE(seen.size, at + RECORD.size);
    bytes.writeDoubleLE(seen.mtimeMs, at + RECORD.mtimeMs);
    bytes.writeDoubleLE(seen.ctimeMs, at + RECORD.ctimeMs);
    bytes.writeUInt32LE(seen.uid, at + RECORD.uid);
    bytes.writeUInt32LE(seen.gid, at + RECORD.gid);
    bytes.writeUInt32LE(seen.mode, at + RECORD.mode);
    bytes.writeUInt32LE(dueAtS, at + RECORD.dueAtS);
    own?.copy(bytes, at + RECORD.head);
  }

  addDirectory(name: string, { software, config, meta }: DirectoryNodes): void {
    const at = this.#begin(name, RECORD_KINDS.directory, 3 * ID_BYTES);
    const flag = meta === null ? 0 : meta.plane === 'software' ? META_IN_SOFTWARE : META_IN_CONFIG;
    this.#bytes.fill(0, at + RECORD.flags, at + RECORD.valueLength);
    this.#bytes.writeUInt8(flag, at + RECORD.flags);
    [software, config, meta?.id].forEach((id, place) => {
      (id ?? NO_ID).copy(this.#bytes, at + RECORD.head + place * ID_BYTES);
    });
  }

  /** Takes over a record of what has not changed. */
  keep(stored: StoredBlock, record: number): void {
    const end = stored.endOf(record);
    const name = stored.nameAt(record);
    this.#reserve(end - record);
    const at = this.#length;
    stored.bytes.copy(this.#bytes, at, record, end);
    const meta = stored.metaAt(record);
    this.#bytes.writeUInt32LE(meta ? this.#metaPlace(meta) : 0, at + RECORD.meta);
    this.#note(name, at, end - record);
  }

  /** How long the block will be. */
  lengthOf({ path, nodes }: FinishedDirectory): number {
    return nodes.reduce((sum, node) => sum + recordLength(node), this.#nodesAt(path));
  }

  /** Makes the block in its place, as long as {@link lengthOf} said. */
  fill(block: Buffer, { stat: directory, path, own, isRacy, nodes, isWhole }: FinishedDirectory): void {
    block.writeUInt32LE(block.length, 0);
    block.writeBigUInt64LE(directory.dev, BLOCK.device);
    block.writeBigUInt64LE(directory.ino, BLOCK.inode);
    block.writeBigUInt64LE(isRacy ? 0n : BigInt.asUintN(64, directory.ctimeNs), BLOCK.ctimeNs);
    block.writeUInt32LE(Number(directory.uid), BLOCK.uid);
    block.writeUInt32LE(Number(directory.gid), BLOCK.gid);
    block.writeUInt32LE(Number(directory.mode), BLOCK.mode);
    block.writeUInt32LE(this.count, BLOCK.count);
    block.writeUInt32LE(this.#nodesAt(path), BLOCK.nodesAt);
    block.writeUInt8(isWhole ? WHOLE : 0, BLOCK.flags);
    block.writeUInt16LE(path.length, BLOCK.pathLength);
    block.writeUInt32LE(this.#metas.length, BLOCK.metaCount);
    [own.software, own.config, own.meta?.id].forEach((id, place) => {
      (id ?? NO_ID).copy(block, BLOCK.own + place * ID_BYTES);
    });
    let at = BLOCK.head + block.write(path, BLOCK.head, 'latin1');
    for (const meta of this.#metas) at += meta.copy(block, at);
    at = this.#copyRecords(block, at);
    for (const node of nodes) at = writeRecord(node, block, at);
    block.writeUInt32LE(crc32(block.subarray(BLOCK.body)), BLOCK.crc);
  }

  /** Nobody asks it for anything any more. */
  release(): void {
    if (this.#bytes.length <= MAX_SPARE_BYTES && this.#spares.length < MAX_SPARES) this.#spares.push(this.#bytes);
  }

  #nodesAt(path: string): number {
    return BLOCK.head + path.length + this.#metas.length * ID_BYTES + this.#length;
  }

  #copyRecords(block: Buffer, from: number): number {
    if (this.#isInOrder) return from + this.#bytes.copy(block, from, 0, this.#length);
    let to = from;
    const names = this.#names;
    const order = names.map((_, index) => index).sort((a, b) => ((names[a] ?? '') < (names[b] ?? '') ? -1 : 1));
    for (const index of order) {
      const at = this.#places[index] ?? 0;
      to += this.#bytes.copy(block, to, at, this.#places[index + 1] ?? this.#length);
    }
    return to;
  }

  #begin(name: string, kind: number, valueLength: number): number {
    const length = RECORD.head + valueLength + name.length;
    this.#reserve(length);
    const at = this.#length;
    this.#bytes.writeUInt16LE(name.length, at);
    this.#bytes.writeUInt8(kind, at + RECORD.kind);
    this.#bytes.writeUInt16LE(valueLength, at + RECORD.valueLength);
    this.#bytes.write(name, at + RECORD.head + valueLength, 'latin1');
    this.#note(name, at, length);
    return at;
  }

  #note(name: string, at: number, length: number): void {
    if (this.#isInOrder && name < (this.#names.at(-1) ?? '')) this.#isInOrder = false;
    this.#names.push(name);
    this.#places.push(at);
    this.#length += length;
  }

  #metaPlace(meta: NodeId): number {
    // Neighbours mostly have the same.
    if (this.#metas.at(-1)?.equals(meta)) return this.#metas.length;
    const key = meta.toString('latin1');
    const known = this.#metaPlaces.get(key);
    if (known !== undefined) return known;
    const place = this.#metas.push(meta);
    this.#metaPlaces.set(key, place);
    return place;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#length + more));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

function numberBytes(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  return bytes;
}
