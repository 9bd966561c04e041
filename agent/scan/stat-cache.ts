import { randomInt } from 'node:crypto';
import fs, { type BigIntStats } from 'node:fs';
import { StoredBlock } from './cache-block.ts';
import { BlockFinder, type CacheIndex } from './cache-index.ts';
import { Rooms } from './rooms.ts';

/**
 * A file that was touched so shortly before the scan, or during it, may be touched once more within the same tick of the
 * file system's clock, without any trace in its times (git calls this racy). 2 s is the coarsest tick, that of FAT.
 */
export const RACY_NS = 2_000_000_000n;

/**
 * What is kept is believed for at most this long, so that a file whose times, inode and size were forged is found within
 * a day. When each one is read again within this time is drawn at random: nobody can know which will be read next.
 */
export const AGAIN_AFTER_S = 20 * 3600;

/** Seconds since the epoch, at random and within {@link AGAIN_AFTER_S}. */
export const dueAfter = (nowS: number): number => nowS + randomInt(1, AGAIN_AFTER_S + 1);

/** Whether something that is due then is believed now. What is further away was written under a clock that was ahead. */
export const isBelieved = (dueAtS: number, nowS: number): boolean => dueAtS > nowS && dueAtS <= nowS + AGAIN_AFTER_S;

const BUFFER_BYTES = 256 * 1024;

export interface StatCacheOptions {
  index: CacheIndex;
  /** Opened for appending; blocks of several threads follow each other in it. Null: nothing is kept. */
  out: number | null;
  /** When the scan began, in milliseconds since the epoch. */
  startedMs: number;
}

/** Blocks of directories: read from the scans before, written for the next one. One for each thread. */
export class StatCache {
  readonly #finder: BlockFinder;
  readonly #nowS: number;
  readonly #racyFromNs: bigint;
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  readonly #drawn: number[] = [];
  readonly #rooms = new Rooms();
  readonly #lent = new Map<StoredBlock, Buffer>();
  #out: number | null;
  #held = 0;

  constructor({ index, out, startedMs }: StatCacheOptions) {
    this.#finder = new BlockFinder(index);
    this.#out = out;
    this.#nowS = Math.floor(startedMs / 1000);
    this.#racyFromNs = BigInt(startedMs) * 1_000_000n - RACY_NS;
  }

  /** What was stored of a directory, or null; until it is {@link release}d. */
  read(directory: BigIntStats): StoredBlock | null {
    const found = this.#finder.find(directory.ino, directory.dev);
    if (!found) return null;
    const { file, offset, length } = found;
    const room = this.#rooms.take(length);
    const isRead = fs.readSync(file, room, 0, length, offset) === length;
    const block = isRead ? StoredBlock.of(room.subarray(0, length), directory) : null;
    if (block) this.#lent.set(block, room);
    else this.#rooms.give(room);
    return block;
  }

  /** Nobody looks at it any more, nor at any id or digest in it. */
  release(block: StoredBlock): void {
    const room = this.#lent.get(block);
    if (!room) return;
    this.#lent.delete(block);
    this.#rooms.give(room);
  }

  /** Whether a record is to be looked at again, however little its file has changed. */
  isDue(block: StoredBlock, record: number): boolean {
    return !isBelieved(block.dueAt(record), this.#nowS);
  }

  /** Whether it may change once more without showing it. */
  isRacy({ mtimeNs, ctimeNs }: BigIntStats): boolean {
    return mtimeNs >= this.#racyFromNs || ctimeNs >= this.#racyFromNs;
  }

  /** When something that is kept now is looked at again. Many are drawn at once: each draw is a call into the system. */
  dueAtS(): number {
    if (this.#drawn.length === 0) for (let i = 0; i < 256; i++) this.#drawn.push(dueAfter(this.#nowS));
    return this.#drawn.pop() ?? this.#nowS;
  }

  /** A block of so many bytes, which `fill` makes in its place: what is copied once more is garbage outside of V8's view. */
  write(length: number, fill: (block: Buffer) => void): void {
    if (this.#out === null) return;
    if (this.#held + length > BUFFER_BYTES) this.flush();
    const isLarge = length > BUFFER_BYTES;
    const block = isLarge ? Buffer.allocUnsafeSlow(length) : this.#buffer.subarray(this.#held, this.#held + length);
    fill(block);
    if (isLarge) this.#append(block);
    else this.#held += length;
  }

  /** A block that is there already. */
  writeAgain(block: Buffer): void {
    if (block.length <= BUFFER_BYTES) {
      this.write(block.length, into => block.copy(into));
      return;
    }
    this.flush();
    this.#append(block);
  }

  flush(): void {
    this.#append(this.#buffer.subarray(0, this.#held));
    this.#held = 0;
  }

  /** One write, so that blocks of several threads do not mix. Where there is no room, the next scan is a slow one. */
  #append(bytes: Buffer): void {
    if (this.#out === null || bytes.length === 0) return;
    try {
      if (fs.writeSync(this.#out, bytes) === bytes.length) return;
    } catch {
      // A full disk: a scan needs no cache.
    }
    this.#out = null;
  }
}
