import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { append, createLiveOutput, type LiveOutput } from './live-output.ts';

const chunk = (offset: number, text: string, attempt = 1) => ({
  ...{ orderDigest: `sha256:${'1'.repeat(64)}` as const, job: 2, attempt, offset },
  data: Buffer.from(text),
});

describe('what a running job has written', () => {
  it('is kept as its beginning, its end and its size, however it was cut into pieces', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1, maxLength: 9_000 }), { minLength: 1, maxLength: 12 }), pieces => {
        let output: LiveOutput | null = null;
        let offset = 0;
        for (const piece of pieces) {
          output = append(output, chunk(offset, piece));
          offset += Buffer.byteLength(piece);
        }
        const all = Buffer.from(pieces.join(''));
        expect(output?.size).toBe(all.length);
        expect(output?.head.equals(all.subarray(0, 8 * 1024))).toBe(true);
        expect(output?.tail.equals(all.subarray(-32 * 1024))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('begins anew with another attempt', () => {
    const first = append(null, chunk(0, 'first'));
    expect(append(first, chunk(0, 'second', 2))).toMatchObject({ attempt: 2, size: 6, head: Buffer.from('second') });
  });

  it('goes on at its end where a piece was lost', () => {
    const first = append(null, chunk(0, 'first'));
    expect(append(first, chunk(100, 'last'))).toMatchObject({
      ...{ size: 104, head: Buffer.from('first'), tail: Buffer.from('last') },
    });
  });
});

describe('output that comes while a job runs', () => {
  const recorded = () => {
    const saved: LiveOutput[] = [];
    const live = createLiveOutput({ save: async (_, output) => void saved.push(output) });
    return { saved, live };
  };
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is written a second after it came, with what came before it', () => {
    const { saved, live } = recorded();
    live.record('h', chunk(0, 'one '));
    live.record('h', chunk(4, 'two'));
    vi.advanceTimersByTime(1_000);
    live.record('h', chunk(7, ' three'));
    vi.advanceTimersByTime(1_000);
    expect(saved.map(({ head }) => head.toString())).toEqual(['one two', 'one two three']);
  });

  it('is written and then forgotten when the job has ended', () => {
    const { saved, live } = recorded();
    live.record('h', chunk(0, 'all'));
    live.ended('h');
    vi.advanceTimersByTime(1_000);
    live.record('h', chunk(3, ' late'));
    vi.advanceTimersByTime(1_000);
    expect(saved.map(({ head, tail }) => [head.toString(), tail.toString()])).toEqual([
      ['all', 'all'],
      ['', ' late'],
    ]);
  });
});
