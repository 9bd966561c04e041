import { createHash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { LastBytes } from '../platform/last-bytes.ts';

/*
 * What a step writes: any amount, any bytes. Kept are the first and the last 64 KiB, the size and the digest over all
 * of it; on the disk, for whoever watches, the first part and the newest few.
 */

export const OUTPUT_HEAD_BYTES = 64 * 1024;
export const OUTPUT_TAIL_BYTES = 64 * 1024;
const PART_BYTES = 256 * 1024;
/** Beside the first: a watcher that is a megabyte behind misses something, and sees by the offset that it did. */
const NEWEST_PARTS = 4;
const PART_NAME = /^output\.(\d+)$/;

export interface KeptOutput {
  size: number;
  digest: Buffer;
  head: Buffer;
  /** What comes after the head, its last 64 KiB. */
  tail: Buffer;
}

/** The step's side. */
export class OutputKeeper {
  readonly #directory: string;
  readonly #hash = createHash('sha256');
  readonly #head = Buffer.allocUnsafe(OUTPUT_HEAD_BYTES);
  /** Of what comes after the head. */
  readonly #tail = new LastBytes(OUTPUT_TAIL_BYTES);
  #size = 0;
  #part: { file: number; size: number } | null = null;
  #parts: number[] = [];

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Copies what it keeps of `data`. */
  add(data: Buffer): void {
    if (data.length === 0) return;
    this.#hash.update(data);
    this.#show(data);
    const forHead = data.subarray(0, Math.max(0, OUTPUT_HEAD_BYTES - this.#size));
    this.#head.set(forHead, Math.min(this.#size, OUTPUT_HEAD_BYTES));
    this.#tail.add(data.subarray(forHead.length));
    this.#size += data.length;
  }

  /** Null where it wrote nothing. The keeper is done then. */
  finish(): KeptOutput | null {
    if (this.#part) closeSync(this.#part.file);
    this.#part = null;
    if (this.#size === 0) return null;
    return {
      size: this.#size,
      digest: this.#hash.digest(),
      head: Buffer.from(this.#head.subarray(0, this.#size)),
      tail: this.#tail.take(),
    };
  }

  /** Never fails: a full disk takes the live view, not the step. */
  #show(data: Buffer): void {
    try {
      if (!this.#part || this.#part.size >= PART_BYTES) this.#nextPart();
      if (!this.#part) return;
      writeSync(this.#part.file, data);
      this.#part.size += data.length;
    } catch {
      // Seen in the result all the same.
    }
  }

  #nextPart(): void {
    if (this.#part) closeSync(this.#part.file);
    this.#part = null;
    this.#part = { file: openSync(join(this.#directory, `output.${this.#size}`), 'a', 0o600), size: 0 };
    this.#parts.push(this.#size);
    while (this.#parts.length > NEWEST_PARTS + 1) {
      const [old] = this.#parts.splice(1, 1);
      rmSync(join(this.#directory, `output.${old}`), { force: true });
    }
  }
}

/** The watcher's side: what can be read at `from` or, where that is gone, at the next place that is there. */
export function readOutput(directory: string, from: number, most: number): { offset: number; data: Buffer } | null {
  if (most <= 0) return null;
  for (const part of partsOf(directory)) {
    if (from >= part.offset + part.size) continue;
    const offset = Math.max(from, part.offset);
    const data = readPart(
      directory,
      part.offset,
      offset - part.offset,
      Math.min(most, part.offset + part.size - offset),
    );
    if (data && data.length > 0) return { offset, data };
  }
  return null;
}

/** Of a step that broke before it could say: what is on the disk. The digest is of that alone. */
export function salvageOutput(directory: string): KeptOutput | null {
  const parts = partsOf(directory);
  const last = parts.at(-1);
  if (!last) return null;
  const all = Buffer.concat(parts.map(part => readPart(directory, part.offset, 0, part.size) ?? Buffer.alloc(0)));
  const head = Buffer.from(all.subarray(0, OUTPUT_HEAD_BYTES));
  const tail = Buffer.from(all.subarray(head.length).subarray(-OUTPUT_TAIL_BYTES));
  return { size: last.offset + last.size, digest: createHash('sha256').update(all).digest(), head, tail };
}

function partsOf(directory: string): { offset: number; size: number }[] {
  const parts: { offset: number; size: number }[] = [];
  for (const name of safely(() => readdirSync(directory), [])) {
    const offset = PART_NAME.exec(name)?.[1];
    if (offset === undefined) continue;
    const size = safely(() => statSync(join(directory, name)).size, 0);
    if (size > 0) parts.push({ offset: Number(offset), size });
  }
  return parts.sort((a, b) => a.offset - b.offset);
}

function readPart(directory: string, part: number, at: number, length: number): Buffer | null {
  return safely(() => {
    const file = openSync(join(directory, `output.${part}`), 'r');
    try {
      const data = Buffer.alloc(length);
      return data.subarray(0, readSync(file, data, 0, length, at));
    } finally {
      closeSync(file);
    }
  }, null);
}

/** A part may go away between listing and reading. */
function safely<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
