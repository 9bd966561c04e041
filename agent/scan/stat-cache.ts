import { randomInt } from 'node:crypto';
import fs, { type BigIntStats } from 'node:fs';
import { type CacheIndex, findBlock } from './cache-index.ts';
import { BlockWriter, readBlockHead, StoredBlock } from './cache-records.ts';

/**
 * A file that was touched so shortly before the scan, or during it, may be touched once more within the same tick of the
 * file system's clock, without any trace in its times (git calls this racy). 2 s is the coarsest tick, that of FAT.
 */
export const RACY_NS = 2_000_000_000n;

/**
 * A digest is believed for at most this long, so that a file whose times, inode and size were forged is found within a
 * day. When each one is read again within this time is drawn at random: nobody can know which will be read next.
 */
export const AGAIN_AFTER_S = 20 * 3600;

const BUFFER_BYTES = 256 * 1024;
/** The block of a directory of some sixty files. */
const FIRST_READ_BYTES = 8 * 1024;

export interface StatCacheOptions {
  index: CacheIndex;
  /** Opened for appending; blocks of several threads follow each other in it. Null: nothing is kept. */
  out: number | null;
  /** When the scan began, in milliseconds since the epoch. */
  startedMs: number;
}

/** Digests of files by all that changes when they do, directory by directory. One for each thread. */
export class StatCache {
  readonly #index: CacheIndex;
  readonly #nowS: number;
  readonly #racyFromNs: bigint;
  readonly #writer = new BlockWriter();
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  /** The block of the directory that is looked at. */
  #stored = Buffer.allocUnsafeSlow(FIRST_READ_BYTES);
  readonly #random = new RandomSeconds();
  #out: number | null;
  #held = 0;
  #block: StoredBlock | null = null;
  #isAsStored = true;

  constructor({ index, out, startedMs }: StatCacheOptions) {
    this.#index = index;
    this.#out = out;
    this.#nowS = Math.floor(startedMs / 1000);
    this.#racyFromNs = BigInt(startedMs) * 1_000_000n - RACY_NS;
  }

  /** Begins a directory; true where something is known of it. */
  begin(directory: BigIntStats): boolean {
    this.#block = this.#read(directory);
    this.#isAsStored = true;
    this.#writer.begin(directory);
    return this.#block !== null;
  }

  /** Where the record of this name is, or 0; names in the order of their bytes. */
  find(name: string): number {
    return this.#block?.find(name) ?? 0;
  }

  /** The digest that is known of this very file, and is kept; null where it has to be read. */
  known(at: number, stat: BigIntStats): { digest: Buffer; executable: boolean } | null {
    const block = this.#block;
    if (!block?.isSame(at, stat, this.#nowS, AGAIN_AFTER_S)) {
      this.#isAsStored = false;
      return null;
    }
    this.#writer.keep(block.record(at));
    return { digest: block.digest(at), executable: block.isExecutable(at) };
  }

  /** Keeps what was read, except of files that may change once more without showing it. */
  add(name: string, stat: BigIntStats, digest: Buffer, executable: boolean): void {
    this.#isAsStored = false;
    if (stat.mtimeNs >= this.#racyFromNs || stat.ctimeNs >= this.#racyFromNs) return;
    this.#writer.add({ name, stat, digest, executable, dueAtS: this.#nowS + this.#random.next() });
  }

  /** Ends a directory: what is known of it is written. */
  end(): void {
    const block = this.#block;
    this.#block = null;
    if (this.#out === null) return;
    const isUnchanged = block !== null && this.#isAsStored && block.count === this.#writer.count;
    const bytes = isUnchanged ? block.bytes : this.#writer.finish();
    if (!bytes) return;
    if (this.#held + bytes.length > BUFFER_BYTES) this.flush();
    if (bytes.length > BUFFER_BYTES) this.#write(bytes);
    else this.#held += bytes.copy(this.#buffer, this.#held);
  }

  flush(): void {
    this.#write(this.#buffer.subarray(0, this.#held));
    this.#held = 0;
  }

  /** One write, so that blocks of several threads do not mix. Where there is no room, the next scan is a slow one. */
  #write(bytes: Buffer): void {
    if (this.#out === null || bytes.length === 0) return;
    try {
      if (fs.writeSync(this.#out, bytes) === bytes.length) return;
    } catch {
      // A full disk: a scan needs no cache.
    }
    this.#out = null;
  }

  #read(directory: BigIntStats): StoredBlock | null {
    const found = findBlock(this.#index, directory.ino, directory.dev);
    if (!found) return null;
    // Mostly all of it comes with the first read.
    const got = fs.readSync(found.file, this.#stored, 0, this.#stored.length, found.offset);
    const head = readBlockHead(this.#stored.subarray(0, got));
    if (!head) return null;
    if (head.length > this.#stored.length) {
      this.#stored = Buffer.allocUnsafeSlow(head.length);
      if (fs.readSync(found.file, this.#stored, 0, head.length, found.offset) < head.length) return null;
    } else if (head.length > got) return null;
    return StoredBlock.of(this.#stored.subarray(0, head.length), directory);
  }
}

/** 1 to {@link AGAIN_AFTER_S}, drawn many at once since each draw is a call into the system. */
class RandomSeconds {
  readonly #drawn: number[] = [];

  next(): number {
    if (this.#drawn.length === 0) for (let i = 0; i < 256; i++) this.#drawn.push(randomInt(1, AGAIN_AFTER_S + 1));
    return this.#drawn.pop() ?? AGAIN_AFTER_S;
  }
}
