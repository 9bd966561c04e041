import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Budget, createPace, ScanCancelled } from './pace.ts';

/* A thread whose work takes as long as the test says, on a clock that nothing else moves. */
function thread(budget: Budget, threads = 1) {
  let now = 0;
  let slept = 0;
  let longest = 0;
  let isCancelled = false;
  const pace = createPace({
    budget,
    threads,
    isCancelled: () => isCancelled,
    monotonic: () => now,
    sleep: ms => {
      now += ms;
      slept += ms;
      longest = Math.max(longest, ms);
    },
  });
  return {
    work: (ms: number, bytes = 0) => {
      now += ms;
      pace.step(bytes);
    },
    cancel: () => {
      isCancelled = true;
    },
    now: () => now,
    slept: () => slept,
    longest: () => longest,
  };
}

/** Milliseconds of work, and bytes that were read in them. */
const pieces = fc.array(fc.tuple(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 300_000 })), {
  minLength: 50,
  maxLength: 300,
});
/** What one step may exceed: nobody sleeps for less, and a piece of work cannot be cut. */
const ONE_STEP_MS = 60;

describe('the pace of a scan', () => {
  it('gives a thread its share of a processor, and hardly less', () =>
    fc.assert(
      fc.property(pieces, fc.integer({ min: 5, max: 95 }), (work, percent) => {
        const one = thread({ cpuShare: percent / 100 });
        for (const [ms] of work) one.work(ms);
        const worked = one.now() - one.slept();
        expect(worked).toBeLessThanOrEqual(one.now() * (percent / 100) + ONE_STEP_MS);
        expect(one.now()).toBeLessThanOrEqual(worked / (percent / 100) + ONE_STEP_MS);
      }),
    ));

  it('reads no faster than the scan may, all threads together, and hardly slower', () =>
    fc.assert(
      fc.property(pieces, fc.integer({ min: 1, max: 4 }), (work, threads) => {
        const bytesPerSecond = 4_000_000;
        const one = thread({ bytesPerSecond }, threads);
        for (const [ms, bytes] of work) one.work(ms, bytes);
        const read = work.reduce((sum, [, bytes]) => sum + bytes, 0);
        const allowedMs = (read / (bytesPerSecond / threads)) * 1000;
        // Of the last step, which may be too short to be slept for.
        expect(one.now()).toBeGreaterThanOrEqual(allowedMs - ONE_STEP_MS);
        // Work is not slept for twice. The sum of many parts may be off in its last digits.
        expect(one.slept()).toBeLessThanOrEqual(allowedMs + 1);
      }),
    ));

  it('holds to whichever of both is less', () => {
    const one = thread({ cpuShare: 0.5, bytesPerSecond: 1_000_000 });
    one.work(100, 1_000);
    expect(one.slept()).toBe(100);
    one.work(100, 1_000_000);
    expect(one.now()).toBe(1_200);
  });

  it('never sleeps where there is no budget', () => {
    const one = thread({});
    for (let step = 0; step < 1_000; step++) one.work(5, 1_000_000);
    expect(one.slept()).toBe(0);
  });

  it('ends with the next step when the scan is cancelled, and sleeps in pieces until then', () => {
    const one = thread({ bytesPerSecond: 1_000 });
    one.work(1, 10_000);
    expect(one.longest()).toBeLessThanOrEqual(200);
    one.cancel();
    expect(() => one.work(1)).toThrow(ScanCancelled);
  });
});
