/** The last bytes of a stream of any length, in room that is taken once. */
export class LastBytes {
  readonly #room: Buffer;
  /** How many have come in all. */
  #count = 0;

  /** Keeps at most `most` bytes. */
  constructor(most: number) {
    this.#room = Buffer.allocUnsafe(most);
  }

  /** Copies what it needs of `data`. */
  add(data: Uint8Array): void {
    const end = data.subarray(-this.#room.length);
    const at = (this.#count + data.length - end.length) % this.#room.length;
    const first = end.subarray(0, this.#room.length - at);
    this.#room.set(first, at);
    this.#room.set(end.subarray(first.length), 0);
    this.#count += data.length;
  }

  /** A copy, in the order in which they came. */
  take(): Buffer {
    if (this.#count <= this.#room.length) return Buffer.from(this.#room.subarray(0, this.#count));
    const at = this.#count % this.#room.length;
    return Buffer.concat([this.#room.subarray(at), this.#room.subarray(0, at)]);
  }
}
