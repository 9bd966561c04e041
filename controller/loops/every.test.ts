import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { every } from './every.ts';

const HOUR = 3_600_000;

function recorder() {
  const errors: unknown[] = [];
  return { errors, log: { info: () => {}, error: (fields: Record<string, unknown>) => errors.push(fields['err']) } };
}

/** Resolves at each call of `next`, in turn. */
function steps() {
  const waiting: (() => void)[] = [];
  let missed = 0;
  return {
    next: () => {
      const wake = waiting.shift();
      if (wake) wake();
      else missed++;
    },
    reached: () => {
      if (missed === 0) return new Promise<void>(resolve => waiting.push(resolve));
      missed--;
      return Promise.resolve();
    },
  };
}

describe('a loop', () => {
  it('runs at once, and again when it is woken although its time has not come', async () => {
    const rounds = steps();
    const loop = every(HOUR, async () => rounds.next(), { name: 'test', log: recorder().log });
    await rounds.reached();
    loop.wake();
    await rounds.reached();
    await loop.stop();
  });

  it('runs again by itself after the interval', async () => {
    const rounds = steps();
    const loop = every(1, async () => rounds.next(), { name: 'test', log: recorder().log });
    for (let round = 0; round < 3; round++) await rounds.reached();
    await loop.stop();
  });

  it('never runs twice at once, and makes one round of many calls', async () => {
    const begun = steps();
    let release = () => {};
    let atOnce = 0;
    let most = 0;
    let rounds = 0;
    const loop = every(
      HOUR,
      async () => {
        rounds++;
        most = Math.max(most, ++atOnce);
        begun.next();
        await new Promise<void>(resolve => {
          release = resolve;
        });
        atOnce--;
      },
      { name: 'test', log: recorder().log },
    );
    await begun.reached();
    for (let call = 0; call < 10; call++) loop.wake();
    // Longer than a call takes to begin a round, where it may.
    await sleep(60);
    release();
    await begun.reached();
    release();
    await sleep(60);
    expect({ rounds, most }).toEqual({ rounds: 2, most: 1 });
    await loop.stop();
  });

  it('tells the log of an error and goes on', async () => {
    const { errors, log } = recorder();
    const rounds = steps();
    let round = 0;
    const loop = every(
      1,
      async () => {
        rounds.next();
        if (++round === 1) throw new Error('the database is away');
      },
      { name: 'test', log },
    );
    await rounds.reached();
    await rounds.reached();
    expect(errors).toEqual([new Error('the database is away')]);
    await loop.stop();
  });

  it('ends only when the round that runs has ended, and begins no other', async () => {
    const begun = steps();
    let ended = 0;
    const loop = every(
      1,
      async () => {
        begun.next();
        await sleep(20);
        ended++;
      },
      { name: 'test', log: recorder().log },
    );
    await begun.reached();
    await loop.stop();
    expect(ended).toBe(1);
    loop.wake();
    await sleep(60);
    expect(ended).toBe(1);
  });
});
