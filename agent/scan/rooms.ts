import { Buffer } from 'node:buffer';

const SMALLEST_BYTES = 4 * 1024;
/** A walk goes down one way at a time: few directories are begun and not finished, and seldom a large one. */
const MAX_SPARE_BYTES = 1024 * 1024;

/**
 * Memory for what is read and soon done with. What a thread throws away instead waits for V8, which sees little of it: a
 * scan of half a million files left some tens of MB lying about. Who gives a room back must have no view of it any more.
 */
export class Rooms {
  readonly #spares: Buffer[] = [];
  #spareBytes = 0;

  /** At least so many bytes, with whatever is in them. */
  take(length: number): Buffer {
    const at = this.#spares.findLastIndex(spare => spare.length >= length);
    const [spare] = at < 0 ? [] : this.#spares.splice(at, 1);
    if (!spare) return Buffer.allocUnsafeSlow(Math.max(SMALLEST_BYTES, 2 ** Math.ceil(Math.log2(length))));
    this.#spareBytes -= spare.length;
    return spare;
  }

  give(room: Buffer): void {
    this.#spares.push(room);
    this.#spareBytes += room.length;
    while (this.#spareBytes > MAX_SPARE_BYTES) this.#spareBytes -= this.#spares.shift()?.length ?? 0;
  }
}
