import { Buffer } from 'node:buffer';

const SMALLEST_BYTES = 4 * 1024;
/** Larger ones are seldom, and not kept. */
const LARGEST_BYTES = 64 * 1024;
/** A walk goes down one way at a time: few directories are begun and not finished. */
const MAX_SPARES = 16;

/**
 * Memory for what is read and soon done with. What a thread throws away instead waits for V8, which sees little of it: a
 * scan of half a million files left some tens of MB lying about. Who gives a room back must have no view of it any more.
 */
export class Rooms {
  readonly #spares: Buffer[] = [];

  /** At least so many bytes, with whatever is in them. */
  take(length: number): Buffer {
    const at = this.#spares.findLastIndex(spare => spare.length >= length);
    const [spare] = at < 0 ? [] : this.#spares.splice(at, 1);
    return spare ?? Buffer.allocUnsafeSlow(Math.max(SMALLEST_BYTES, 2 ** Math.ceil(Math.log2(length))));
  }

  give(room: Buffer): void {
    if (room.length > LARGEST_BYTES) return;
    if (this.#spares.length === MAX_SPARES) this.#spares.shift();
    this.#spares.push(room);
  }
}
