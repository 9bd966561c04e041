import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs, renewalAt } from './backoff.ts';

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('the wait before the next connection', () => {
  it.each([
    [0, 0, 250],
    [0, 0.999999, 500],
    [1, 0, 500],
    [3, 0, 2000],
    [6, 0, 15_000],
    [1000, 0.999999, 30_000],
  ])('is, after %i failures and with a random %d, %i ms', (failures, chance, expected) => {
    expect(backoffMs(failures, chance)).toBe(expected);
  });

  it('is never none and never above half a minute', () => {
    fc.assert(
      fc.property(fc.nat(), random, (failures, chance) => {
        expect(backoffMs(failures, chance)).toBeGreaterThanOrEqual(250);
        expect(backoffMs(failures, chance)).toBeLessThanOrEqual(30_000);
      }),
    );
  });
});

describe('the renewal of a certificate', () => {
  it('comes in the sixth tenth of its life', () => {
    fc.assert(
      fc.property(fc.nat(1e12), fc.integer({ min: 1000, max: 1e9 }), random, (notBeforeMs, life, chance) => {
        const at = renewalAt({ notBeforeMs, notAfterMs: notBeforeMs + life }, chance);
        expect(at).toBeGreaterThanOrEqual(Math.floor(notBeforeMs + life * 0.5));
        expect(at).toBeLessThanOrEqual(notBeforeMs + life * 0.6);
      }),
    );
  });
});
