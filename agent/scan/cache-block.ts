import type { BigIntStats, Stats } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { NodeId } from '@tidemark/shared/fingerprint/entry.ts';
import { ID_BYTES } from '@tidemark/shared/fingerprint/node.ts';
import type { Plane } from '@tidemark/shared/fingerprint/profile.ts';

/*
 * What the stat cache keeps of one directory: a block of records in the order of their names' bytes, and the nodes that
 * were made of them. All numbers are little endian, offsets count from the block's first byte.
 *
 *   block  = length:u32 crc:u32 device:u64 inode:u64 ctimeNs:u64 uid:u32 gid:u32 mode:u32 count:u32 nodesAt:u32 flags:u8
 *            pathLength:u16 metaCount:u32 own:96 path metas records nodes
 *   own    = software:32 config:32 meta:32           of the directory itself; zeros where it has none
 *   metas  = ids (32 bytes each) of the meta objects that records name by their position from 1
 *   record = nameLength:u16 kind:u8 flags:u8 meta:u32 inode:f64 size:f64 mtimeMs:f64 ctimeMs:f64 uid:u32 gid:u32 mode:u32
 *            dueAtS:u32 valueLength:u16 value name
 *   value  = digest:32 of a file, target of a link, number:u64 of a device, software:32 config:32 meta:32 of a directory
 *   nodes  = records as in nodes.bin (node-records.ts)
 *
 * Times of records are the system's as Node's plain stat gives them, in milliseconds, rounded to some 240 ns: a file that
 * changes so shortly after it was seen was racy, and has no record.
 *
 * The crc is over all that follows it. Of a directory in a directory there is no stat: it has a block of its own.
 */

export const BLOCK = {
  crc: 4,
  body: 8,
  device: 8,
  inode: 16,
  ctimeNs: 24,
  uid: 32,
  gid: 36,
  mode: 40,
  count: 44,
  nodesAt: 48,
  flags: 52,
  pathLength: 53,
  metaCount: 55,
  own: 59,
  head: 155,
} as const;

export const RECORD = {
  kind: 2,
  flags: 3,
  meta: 4,
  inode: 8,
  size: 16,
  mtimeMs: 24,
  ctimeMs: 32,
  uid: 40,
  gid: 44,
  mode: 48,
  dueAtS: 52,
  valueLength: 56,
  head: 58,
} as const;

export const RECORD_KINDS = {
  file: 1,
  symlink: 2,
  block: 3,
  character: 4,
  fifo: 5,
  socket: 6,
  directory: 7,
} as const;

/** On files: it runs, by what its first bytes say. */
export const RUNS = 1;
/** On directories: the plane that their meta object is an entry of. */
export const META_IN_SOFTWARE = 1;
export const META_IN_CONFIG = 2;

/** Flag of a block: everything in the directory has a record, and the nodes are there. */
export const WHOLE = 1;

/** Far more than a block is: large directories are kept without their nodes. */
const MAX_BLOCK_BYTES = 512 * 1024 * 1024;
const NONE = Buffer.alloc(ID_BYTES);

/** A stat as records keep it. */
export type Seen = Pick<Stats, 'ino' | 'size' | 'mtimeMs' | 'ctimeMs' | 'uid' | 'gid' | 'mode'>;

const NS_PER_S = 1_000_000_000n;

/** By the same arithmetic as Node's, so that both give one number for one time. */
function msOf(ns: bigint): number {
  const below = ns % NS_PER_S;
  const nsec = below < 0n ? below + NS_PER_S : below;
  return Number((ns - nsec) / NS_PER_S) * 1e3 + Number(nsec) / 1e6;
}

export const seenOf = ({ ino, size, mtimeNs, ctimeNs, uid, gid, mode }: BigIntStats): Seen => ({
  ino: Number(ino),
  size: Number(size),
  mtimeMs: msOf(mtimeNs),
  ctimeMs: msOf(ctimeNs),
  uid: Number(uid),
  gid: Number(gid),
  mode: Number(mode),
});

export interface BlockHead {
  length: number;
  device: bigint;
  inode: bigint;
}

/** Null where these bytes begin no block. */
export function readBlockHead(bytes: Buffer): BlockHead | null {
  if (bytes.length < BLOCK.head) return null;
  const length = bytes.readUInt32LE(0);
  if (length < BLOCK.head || length > MAX_BLOCK_BYTES) return null;
  return { length, device: bytes.readBigUInt64LE(BLOCK.device), inode: bytes.readBigUInt64LE(BLOCK.inode) };
}

/** What a directory comes to: its nodes by plane, and what it is an entry with. */
export interface DirectoryNodes {
  software: NodeId | null;
  config: NodeId | null;
  /** With the plane that it is an entry of. */
  meta: { id: NodeId; plane: Plane } | null;
}

/** One directory's records as they were stored. Records are named by where they begin; 0 is none. */
export class StoredBlock {
  readonly bytes: Buffer;
  readonly count: number;
  readonly #view: DataView;
  readonly #recordsEnd: number;
  readonly #metasAt: number;
  readonly #recordsAt: number;
  #at: number;
  #isRenewed = false;

  private constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.count = this.#view.getUint32(BLOCK.count, true);
    this.#metasAt = BLOCK.head + this.#view.getUint16(BLOCK.pathLength, true);
    this.#recordsAt = this.#metasAt + this.#view.getUint32(BLOCK.metaCount, true) * ID_BYTES;
    this.#recordsEnd = this.#view.getUint32(BLOCK.nodesAt, true);
    this.#at = this.#recordsAt;
  }

  /** Null where the bytes are not those that were written for this directory. */
  static of(bytes: Buffer, directory: { dev: bigint; ino: bigint }): StoredBlock | null {
    const head = readBlockHead(bytes);
    if (head?.length !== bytes.length || head.device !== directory.dev || head.inode !== directory.ino) return null;
    return crc32(bytes.subarray(BLOCK.body)) === bytes.readUInt32LE(BLOCK.crc) ? new StoredBlock(bytes) : null;
  }

  /** Its file was read again and is what it was: believed until then. The block must be {@link sealed} before it is kept. */
  renew(at: number, dueAtS: number): void {
    this.#view.setUint32(at + RECORD.dueAtS, dueAtS, true);
    this.#isRenewed = true;
  }

  /** The block's bytes as they are to be kept. */
  sealed(): Buffer {
    if (this.#isRenewed) this.bytes.writeUInt32LE(crc32(this.bytes.subarray(BLOCK.body)), BLOCK.crc);
    this.#isRenewed = false;
    return this.bytes;
  }

  /** Where the record of this name is, or 0. Names must be asked for in the order of their bytes. */
  find(name: string): number {
    while (this.#at < this.#recordsEnd) {
      const at = this.#at;
      const order = this.#order(at, name);
      if (order > 0) return 0;
      this.#at = this.endOf(at);
      if (order === 0) return at;
    }
    return 0;
  }

  /** Whether the nodes are those of this directory where nothing in it has changed. */
  isWholeAt(path: string): boolean {
    return (
      (this.#view.getUint8(BLOCK.flags) & WHOLE) !== 0 &&
      this.bytes.toString('latin1', BLOCK.head, this.#metasAt) === path
    );
  }

  /** Whether the directory itself has the mode, the owner and the attributes that it had. */
  isOwn(stat: BigIntStats): boolean {
    const view = this.#view;
    return (
      view.getBigUint64(BLOCK.ctimeNs, true) === stat.ctimeNs &&
      view.getUint32(BLOCK.mode, true) === Number(stat.mode) &&
      view.getUint32(BLOCK.uid, true) === Number(stat.uid) &&
      view.getUint32(BLOCK.gid, true) === Number(stat.gid)
    );
  }

  ownNode(plane: Plane): NodeId | null {
    return this.#idAt(BLOCK.own + (plane === 'software' ? 0 : ID_BYTES));
  }

  ownMeta(): NodeId | null {
    return this.#idAt(BLOCK.own + 2 * ID_BYTES);
  }

  /** Whether this is what was seen, untouched since. */
  isSame(at: number, stat: Seen): boolean {
    const view = this.#view;
    return (
      view.getFloat64(at + RECORD.ctimeMs, true) === stat.ctimeMs &&
      view.getFloat64(at + RECORD.inode, true) === stat.ino &&
      view.getFloat64(at + RECORD.size, true) === stat.size &&
      view.getFloat64(at + RECORD.mtimeMs, true) === stat.mtimeMs &&
      view.getUint32(at + RECORD.mode, true) === stat.mode &&
      view.getUint32(at + RECORD.uid, true) === stat.uid &&
      view.getUint32(at + RECORD.gid, true) === stat.gid
    );
  }

  /** Whether a directory in this one is still what it was. */
  isSameDirectory(at: number, { software, config, meta }: DirectoryNodes): boolean {
    const value = this.#valueAt(at);
    const flag = meta === null ? 0 : meta.plane === 'software' ? META_IN_SOFTWARE : META_IN_CONFIG;
    return (
      this.kindAt(at) === RECORD_KINDS.directory &&
      this.flagsAt(at) === flag &&
      isId(this.bytes, value, software) &&
      isId(this.bytes, value + ID_BYTES, config) &&
      isId(this.bytes, value + 2 * ID_BYTES, meta?.id ?? null)
    );
  }

  directoryAt(at: number): DirectoryNodes {
    const value = this.#valueAt(at);
    const id = this.#idAt(value + 2 * ID_BYTES);
    const plane = this.flagsAt(at) === META_IN_SOFTWARE ? 'software' : 'config';
    return {
      software: this.#idAt(value),
      config: this.#idAt(value + ID_BYTES),
      meta: id && { id, plane },
    };
  }

  kindAt(at: number): number {
    return this.#view.getUint8(at + RECORD.kind);
  }

  flagsAt(at: number): number {
    return this.#view.getUint8(at + RECORD.flags);
  }

  modeAt(at: number): number {
    return this.#view.getUint32(at + RECORD.mode, true);
  }

  sizeAt(at: number): number {
    return this.#view.getFloat64(at + RECORD.size, true);
  }

  dueAt(at: number): number {
    return this.#view.getUint32(at + RECORD.dueAtS, true);
  }

  /** A view of the block's bytes. */
  value(at: number): Buffer {
    const from = this.#valueAt(at);
    return this.bytes.subarray(from, from + this.#view.getUint16(at + RECORD.valueLength, true));
  }

  nameAt(at: number): string {
    const from = this.#nameStart(at);
    return this.bytes.toString('latin1', from, from + this.#view.getUint16(at, true));
  }

  metaAt(at: number): NodeId | null {
    const position = this.#view.getUint32(at + RECORD.meta, true);
    return position === 0 ? null : this.#idAt(this.#metasAt + (position - 1) * ID_BYTES);
  }

  endOf(at: number): number {
    return this.#nameStart(at) + this.#view.getUint16(at, true);
  }

  /** Records as in nodes.bin: those of the directory, and the meta objects that they name. */
  nodes(): Buffer {
    return this.bytes.subarray(this.#recordsEnd);
  }

  /** Of the record's name against this one, byte by byte: neither becomes an object. */
  #order(at: number, name: string): number {
    const from = this.#nameStart(at);
    const length = this.#view.getUint16(at, true);
    const shorter = Math.min(length, name.length);
    for (let index = 0; index < shorter; index++) {
      const difference = (this.bytes[from + index] ?? 0) - name.charCodeAt(index);
      if (difference !== 0) return difference;
    }
    return length - name.length;
  }

  #valueAt(at: number): number {
    return at + RECORD.head;
  }

  #nameStart(at: number): number {
    return at + RECORD.head + this.#view.getUint16(at + RECORD.valueLength, true);
  }

  #idAt(at: number): NodeId | null {
    return isId(this.bytes, at, null) ? null : this.bytes.subarray(at, at + ID_BYTES);
  }
}

const isId = (bytes: Buffer, at: number, id: NodeId | null): boolean =>
  bytes.compare(id ?? NONE, 0, ID_BYTES, at, at + ID_BYTES) === 0;
