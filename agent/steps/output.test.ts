import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OUTPUT_HEAD_BYTES, OUTPUT_TAIL_BYTES, OutputKeeper, readOutput, salvageOutput } from './output.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidemark-output-'));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Bytes of which no two stretches are the same for long. */
const bytesOf = (length: number) =>
  Buffer.from(Uint32Array.from({ length: Math.ceil(length / 4) }, (_, index) => index * 2654435761).buffer).subarray(
    0,
    length,
  );

function keep(all: Buffer, chunk: number) {
  const keeper = new OutputKeeper(directory);
  for (let at = 0; at < all.length; at += chunk) keeper.add(all.subarray(at, at + chunk));
  return keeper.finish();
}

describe('what is kept of an output', () => {
  it('is its head, what of the rest fits the tail, size and digest, however it came in pieces', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400_000 }), fc.integer({ min: 1_000, max: 200_000 }), (length, chunk) => {
        const all = bytesOf(length);
        const kept = keep(all, chunk);
        expect(kept?.size).toBe(length);
        expect(kept?.digest.equals(createHash('sha256').update(all).digest())).toBe(true);
        expect(kept?.head.equals(all.subarray(0, OUTPUT_HEAD_BYTES))).toBe(true);
        expect(kept?.tail.equals(all.subarray(OUTPUT_HEAD_BYTES).subarray(-OUTPUT_TAIL_BYTES))).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  it('is nothing where nothing came', () => {
    expect(keep(Buffer.alloc(0), 1)).toBeNull();
  });

  it('takes little of the disk, however much it is', () => {
    keep(bytesOf(20_000_000), 65_536);
    const sizes = readdirSync(directory).map(name => statSync(join(directory, name)).size);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(2_000_000);
  });

  it('is found on the disk where the step could not say it: all of a short one', () => {
    const all = bytesOf(100_000);
    const kept = keep(all, 1_000);
    expect(salvageOutput(directory)).toEqual(kept);
  });

  it('is found on the disk where the step could not say it: the ends of a long one', () => {
    const all = bytesOf(5_000_000);
    keep(all, 65_536);
    const found = salvageOutput(directory);
    expect(found?.size).toBe(all.length);
    expect(found?.head.equals(all.subarray(0, OUTPUT_HEAD_BYTES))).toBe(true);
    expect(found?.tail.equals(all.subarray(-OUTPUT_TAIL_BYTES))).toBe(true);
  });
});

describe('whoever watches an output', () => {
  const readAll = (from: number) => {
    const parts: { offset: number; data: Buffer }[] = [];
    for (let at = from; ; ) {
      const part = readOutput(directory, at, 10_000);
      if (!part) return parts;
      parts.push(part);
      at = part.offset + part.data.length;
    }
  };

  it('sees all of it, where it keeps up', () => {
    const all = bytesOf(900_000);
    keep(all, 30_000);
    expect(Buffer.concat(readAll(0).map(part => part.data)).equals(all)).toBe(true);
    expect(Buffer.concat(readAll(123_456).map(part => part.data)).equals(all.subarray(123_456))).toBe(true);
  });

  it('sees by the offset what it missed', () => {
    const all = bytesOf(5_000_000);
    keep(all, 65_536);
    const parts = readAll(0);
    for (const { offset, data } of parts) expect(all.subarray(offset, offset + data.length).equals(data)).toBe(true);
    const gaps = parts.filter((part, index) => {
      const before = parts[index - 1];
      return before && before.offset + before.data.length !== part.offset;
    });
    expect(gaps).toHaveLength(1);
    expect(parts.at(-1)?.data.at(-1)).toBe(all.at(-1));
  });

  it('sees nothing without credit, at the end, and where nothing was written', () => {
    expect(readOutput(directory, 0, 100)).toBeNull();
    keep(bytesOf(10), 10);
    expect(readOutput(directory, 0, 0)).toBeNull();
    expect(readOutput(directory, 10, 100)).toBeNull();
  });
});
