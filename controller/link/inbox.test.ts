import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HIGH_MARK, Inbox } from './inbox.ts';

function fixture(handle: (items: number[]) => Promise<void>) {
  const seen = { pauses: 0, resumes: 0, errors: [] as unknown[] };
  const inbox = new Inbox<number>({
    batchable: item => item % 2 === 0,
    maxBatch: 4,
    handle,
    failed: error => seen.errors.push(error),
    pause: () => seen.pauses++,
    resume: () => seen.resumes++,
  });
  return { inbox, seen };
}

describe('an inbox', () => {
  it('handles everything once, in order, and batches only neighbours that may be', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(9), { maxLength: 200 }), async items => {
        const handled: number[][] = [];
        const { inbox } = fixture(async batch => {
          await Promise.resolve();
          handled.push(batch);
        });
        for (const item of items) inbox.push(item);
        await inbox.drained();
        expect(handled.flat()).toEqual(items);
        for (const batch of handled) {
          expect(batch.length).toBeLessThanOrEqual(4);
          if (batch.length > 1) expect(batch.every(item => item % 2 === 0)).toBe(true);
        }
      }),
    );
  });

  it('stops reading when it is full and reads on when it has room', async () => {
    let release = () => {};
    const gate = new Promise<void>(resolve => {
      release = resolve;
    });
    const { inbox, seen } = fixture(() => gate);
    for (let item = 0; item <= HIGH_MARK; item++) inbox.push(1);
    expect(seen).toMatchObject({ pauses: 1, resumes: 0 });
    release();
    await inbox.drained();
    expect(seen).toMatchObject({ pauses: 1, resumes: 1 });
  });

  it('handles nothing more after a failure', async () => {
    const handled: number[] = [];
    const { inbox, seen } = fixture(async ([item]) => {
      handled.push(item ?? -1);
      if (item === 3) throw new Error('the database is away');
    });
    for (const item of [1, 3, 5]) inbox.push(item);
    await inbox.drained();
    inbox.push(7);
    await inbox.drained();
    expect(handled).toEqual([1, 3]);
    expect(seen.errors).toEqual([new Error('the database is away')]);
  });

  it('waits on closing for what is being handled, and forgets the rest', async () => {
    const handled: number[] = [];
    const { inbox } = fixture(async ([item]) => {
      await new Promise(resolve => setImmediate(resolve));
      handled.push(item ?? -1);
    });
    inbox.push(1);
    inbox.push(3);
    await Promise.resolve();
    await Promise.resolve();
    await inbox.close();
    expect(handled).toEqual([1]);
  });
});
