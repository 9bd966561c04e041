import { Buffer } from 'node:buffer';

/*
 * The bytes below every hashed object: unsigned integers as LEB128 in their shortest form, byte strings with their
 * length in front. One value has one encoding, so the reader refuses every other one.
 */

/** Bytes that are not the canonical encoding of anything. Thrown inside decoders, which turn it into a Result. */
export class NotCanonical extends Error {
  override name = 'NotCanonical';
}

/** Appends to a buffer that grows; `finish` gives what was written. */
export class ByteWriter {
  #buffer = Buffer.allocUnsafe(256);
  #length = 0;

  byte(value: number): this {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
    return this;
  }

  /** An integer from 0 to 2^53 - 1. */
  varint(value: number): this {
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    return this.byte(rest);
  }

  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  bytes(bytes: Uint8Array): this {
    return this.varint(bytes.length).raw(bytes);
  }

  finish(): Buffer {
    return Buffer.from(this.#buffer.subarray(0, this.#length));
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + count));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}

/** Reads what {@link ByteWriter} wrote; throws {@link NotCanonical} for everything that it would not have written. */
export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  /** Begins at byte `at`. */
  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = at;
  }

  /** Where the next byte is. */
  get at(): number {
    return this.#at;
  }

  byte(what: string): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) throw new NotCanonical(`the bytes end before ${what}`);
    this.#at += 1;
    return value;
  }

  varint(what: string, max = Number.MAX_SAFE_INTEGER): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 8; count++) {
      const byte = this.byte(what);
      value += (byte & 0x7f) * scale;
      scale *= 0x80;
      if (byte < 0x80) {
        if (byte === 0 && count > 0) throw new NotCanonical(`${what} is not in its shortest form`);
        if (value > max) throw new NotCanonical(`${what} is ${value}, more than ${max}`);
        return value;
      }
    }
    throw new NotCanonical(`${what} is longer than an integer can be`);
  }

  /** A copy, so that what is decoded does not keep a whole message alive. */
  raw(count: number, what: string): Buffer {
    if (this.#at + count > this.#bytes.length) throw new NotCanonical(`the bytes end inside ${what}`);
    const part = Buffer.from(this.#bytes.subarray(this.#at, this.#at + count));
    this.#at += count;
    return part;
  }

  skip(count: number, what: string): this {
    if (this.#at + count > this.#bytes.length) throw new NotCanonical(`the bytes end inside ${what}`);
    this.#at += count;
    return this;
  }

  bytes(what: string, maxLength: number): Buffer {
    return this.raw(this.varint(`the length of ${what}`, maxLength), what);
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw new NotCanonical(`${this.#bytes.length - this.#at} bytes too many`);
  }
}
