import type { BigIntStats } from 'node:fs';
import { crc32 } from 'node:zlib';

/*
 * What the stat cache keeps of one directory: a block of records in the order of their names' bytes. All numbers are
 * little endian.
 *
 *   block  = length:u32 crc:u32 device:u64 inode:u64 count:u32 records      crc is over all that follows it
 *   record = nameLength:u16 inode:u64 size:u64 mtimeNs:u64 ctimeNs:u64 uid:u32 gid:u32 mode:u32 dueAtS:u32 flags:u8
 *            digest:32 name
 */

const CRC_AT = 4;
const BODY_AT = 8;
const DEVICE_AT = 8;
const INODE_AT = 16;
const COUNT_AT = 24;
export const BLOCK_HEAD_BYTES = 28;
const RECORD_HEAD_BYTES = 83;
const EXECUTABLE = 1;
const NAME_AT = RECORD_HEAD_BYTES;

/** More than a directory of a million files has. */
export const MAX_BLOCK_BYTES = 512 * 1024 * 1024;

export interface BlockHead {
  length: number;
  device: bigint;
  inode: bigint;
}

/** Null where these bytes begin no block. */
export function readBlockHead(bytes: Buffer): BlockHead | null {
  if (bytes.length < BLOCK_HEAD_BYTES) return null;
  const length = bytes.readUInt32LE(0);
  if (length < BLOCK_HEAD_BYTES || length > MAX_BLOCK_BYTES) return null;
  return { length, device: bytes.readBigUInt64LE(DEVICE_AT), inode: bytes.readBigUInt64LE(INODE_AT) };
}

/** One directory's records as they were stored, read in the order of names. */
export class StoredBlock {
  readonly bytes: Buffer;
  readonly count: number;
  readonly #view: DataView;
  #at = BLOCK_HEAD_BYTES;
  #name: string | null = null;

  private constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.count = bytes.readUInt32LE(COUNT_AT);
  }

  /** Null where the bytes are not those that were written for this directory. */
  static of(bytes: Buffer, directory: { dev: bigint; ino: bigint }): StoredBlock | null {
    const head = readBlockHead(bytes);
    if (head?.length !== bytes.length || head.device !== directory.dev || head.inode !== directory.ino) return null;
    return crc32(bytes.subarray(BODY_AT)) === bytes.readUInt32LE(CRC_AT) ? new StoredBlock(bytes) : null;
  }

  /** Where the record of this name is, or 0. Names must be asked for in the order of their bytes. */
  find(name: string): number {
    while (this.#at < this.bytes.length) {
      const at = this.#at;
      const own = this.#name ?? this.bytes.toString('latin1', at + NAME_AT, this.#end(at));
      this.#name = own;
      if (own > name) return 0;
      const isFound = own === name;
      this.#at = this.#end(at);
      this.#name = null;
      if (isFound) return at;
    }
    return 0;
  }

  /** Whether the file is the one that was digested, untouched since, and not due to be read again. */
  isSame(at: number, stat: BigIntStats, nowS: number, againAfterS: number): boolean {
    const view = this.#view;
    const dueAtS = view.getUint32(at + 46, true);
    return (
      view.getBigUint64(at + 26, true) === stat.ctimeNs &&
      view.getBigUint64(at + 2, true) === stat.ino &&
      view.getBigUint64(at + 10, true) === stat.size &&
      view.getBigUint64(at + 18, true) === stat.mtimeNs &&
      view.getUint32(at + 42, true) === Number(stat.mode) &&
      view.getUint32(at + 34, true) === Number(stat.uid) &&
      view.getUint32(at + 38, true) === Number(stat.gid) &&
      // Further away than any record is due: written under a clock that was ahead.
      dueAtS > nowS &&
      dueAtS <= nowS + againAfterS
    );
  }

  /** A copy: the bytes of a block are those of the next one, too. */
  digest(at: number): Buffer {
    return Buffer.from(this.bytes.subarray(at + 51, at + RECORD_HEAD_BYTES));
  }

  isExecutable(at: number): boolean {
    return (this.#view.getUint8(at + 50) & EXECUTABLE) !== 0;
  }

  record(at: number): Buffer {
    return this.bytes.subarray(at, this.#end(at));
  }

  #end(at: number): number {
    return at + RECORD_HEAD_BYTES + this.#view.getUint16(at, true);
  }
}

export interface NewRecord {
  name: string;
  stat: BigIntStats;
  dueAtS: number;
  executable: boolean;
  digest: Buffer;
}

/** Makes the block of one directory after the other in one buffer that grows. */
export class BlockWriter {
  #bytes = Buffer.allocUnsafeSlow(64 * 1024);
  #length = 0;
  #count = 0;

  begin(directory: { dev: bigint; ino: bigint }): void {
    this.#length = BLOCK_HEAD_BYTES;
    this.#count = 0;
    this.#bytes.writeBigUInt64LE(directory.dev, DEVICE_AT);
    this.#bytes.writeBigUInt64LE(directory.ino, INODE_AT);
  }

  keep(record: Buffer): void {
    this.#reserve(record.length);
    record.copy(this.#bytes, this.#length);
    this.#length += record.length;
    this.#count += 1;
  }

  add({ name, stat, dueAtS, executable, digest }: NewRecord): void {
    this.#reserve(RECORD_HEAD_BYTES + name.length);
    const at = this.#length;
    const bytes = this.#bytes;
    bytes.writeUInt16LE(name.length, at);
    bytes.writeBigUInt64LE(stat.ino, at + 2);
    bytes.writeBigUInt64LE(stat.size, at + 10);
    // Times before 1970 are negative; such a file has no record that fits, and is read each time.
    bytes.writeBigUInt64LE(BigInt.asUintN(64, stat.mtimeNs), at + 18);
    bytes.writeBigUInt64LE(BigInt.asUintN(64, stat.ctimeNs), at + 26);
    bytes.writeUInt32LE(Number(stat.uid), at + 34);
    bytes.writeUInt32LE(Number(stat.gid), at + 38);
    bytes.writeUInt32LE(Number(stat.mode), at + 42);
    bytes.writeUInt32LE(dueAtS, at + 46);
    bytes.writeUInt8(executable ? EXECUTABLE : 0, at + 50);
    digest.copy(bytes, at + 51);
    bytes.write(name, at + NAME_AT, 'latin1');
    this.#length = at + NAME_AT + name.length;
    this.#count += 1;
  }

  /** The block, valid until the next one begins; null where it has no record. */
  finish(): Buffer | null {
    if (this.#count === 0) return null;
    const block = this.#bytes.subarray(0, this.#length);
    block.writeUInt32LE(this.#length, 0);
    block.writeUInt32LE(this.#count, COUNT_AT);
    block.writeUInt32LE(crc32(block.subarray(BODY_AT)), CRC_AT);
    return block;
  }

  get count(): number {
    return this.#count;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#length + more));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
