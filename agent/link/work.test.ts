import { describe, expect, it } from 'vitest';
import { Work } from './work.ts';

function fixture(run: (item: string, signal: AbortSignal) => Promise<'done' | 'later'>) {
  const pauses: number[] = [];
  const work = new Work<string, string>({
    run,
    pauseMs: failures => failures,
    sleep: async ms => {
      pauses.push(ms);
    },
  });
  return { work, pauses };
}

describe('work for a connection', () => {
  it('waits for one, is then done one after the other, and asking twice is asking once', async () => {
    const done: string[] = [];
    const { work } = fixture(async item => {
      done.push(item);
      // Asked for while it is being done.
      work.add(item, item);
      return 'done';
    });
    work.add('a', 'a');
    work.add('b', 'b');
    work.add('a', 'a');
    expect(done).toEqual([]);
    const over = new AbortController();
    work.start(over.signal);
    await work.idle();
    expect(done).toEqual(['a', 'b']);
    over.abort();
  });

  it('keeps what could not be done, lets the others pass, and waits longer each time', async () => {
    const done: string[] = [];
    let failures = 3;
    const { work, pauses } = fixture(async item => {
      if (item === 'bad' && failures-- > 0) return 'later';
      done.push(item);
      return 'done';
    });
    work.add('bad', 'bad');
    work.add('good', 'good');
    work.start(new AbortController().signal);
    await work.idle();
    expect(done).toEqual(['good', 'bad']);
    expect(pauses).toEqual([0, 0, 1]);
  });

  it('rests when the connection ends and goes on with the next', async () => {
    const done: string[] = [];
    const first = new AbortController();
    const { work } = fixture(async (item, signal) => {
      if (!signal.aborted && signal === first.signal) {
        first.abort();
        return 'later';
      }
      done.push(item);
      return 'done';
    });
    work.add('a', 'a');
    work.start(first.signal);
    await work.idle();
    expect(done).toEqual([]);
    work.start(new AbortController().signal);
    await work.idle();
    expect(done).toEqual(['a']);
  });
});
