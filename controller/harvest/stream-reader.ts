import { HarvestProblem } from './problem.ts';

const NOTHING = Buffer.alloc(0);

/** Reads a stream piece by piece: what is asked for is there as a whole, or the stream is truncated. */
export class StreamReader {
  /** Bytes read until now. */
  position = 0;
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Buffer = NOTHING;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** `what` names it in the error when the stream ends before. */
  async exact(length: number, what: string): Promise<Buffer> {
    if (this.#rest.length >= length) return this.#cut(length);
    const parts: Buffer[] = [];
    for await (const part of this.take(length, what)) parts.push(part);
    return Buffer.concat(parts);
  }

  /** The next `length` bytes as they come. */
  async *take(length: number, what: string): AsyncGenerator<Buffer> {
    for (let left = length; left > 0; ) {
      if (!(await this.#fill())) throw truncated(what);
      const part = this.#cut(Math.min(left, this.#rest.length));
      left -= part.length;
      yield part;
    }
  }

  async skip(length: number, what: string): Promise<void> {
    for await (const _ of this.take(length, what));
  }

  /** Everything up to the end. */
  async *rest(): AsyncGenerator<Buffer> {
    while (await this.#fill()) yield this.#cut(this.#rest.length);
  }

  async atEnd(): Promise<boolean> {
    return !(await this.#fill());
  }

  /** The next bytes, up to `length` of them, without taking them. */
  async peek(length: number): Promise<Buffer> {
    while (this.#rest.length < length) {
      const { done, value } = await this.#source.next();
      if (done) break;
      this.#rest = Buffer.concat([this.#rest, value]);
    }
    return this.#rest.subarray(0, length);
  }

  #cut(length: number): Buffer {
    const part = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    this.position += length;
    return part;
  }

  async #fill(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#source.next();
      if (done) return false;
      this.#rest = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    }
    return true;
  }
}

const truncated = (what: string): HarvestProblem => new HarvestProblem('truncated', `${what} ends in the middle`);
