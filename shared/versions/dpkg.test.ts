import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareDpkgVersions } from './dpkg.ts';

describe('the order of Debian versions', () => {
  it.each([
    ['1.0', '1.1'],
    ['1.9', '1.10'],
    ['1.0~rc1', '1.0'],
    ['1.0~~', '1.0~'],
    ['1.0', '1.0a'],
    ['1.0a', '1.0+'],
    ['1.0', '1.0-1'],
    ['1.0-1', '1.0-1+deb12u1'],
    ['1.0-9', '1:0.1-1'],
    ['2.4.9', '2.4.51'],
    ['1.2-3-4', '1.2-3-5'],
    ['99999999999999999998', '99999999999999999999'],
  ])('has %s before %s', (older, newer) => {
    expect(compareDpkgVersions(older, newer)).toBeLessThan(0);
    expect(compareDpkgVersions(newer, older)).toBeGreaterThan(0);
  });

  it.each([
    ['1.0', '1.00'],
    ['0:1.0', '1.0'],
    ['1.0', '1.0-0'],
  ])('has %s and %s as one', (a, b) => {
    expect(compareDpkgVersions(a, b)).toBe(0);
  });

  it('is an order', () => {
    const version = fc.string({ unit: fc.constantFrom(...'01a~+-.:'), maxLength: 6 });
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(Math.sign(compareDpkgVersions(a, b))).toBe(0 - Math.sign(compareDpkgVersions(b, a)));
        const sorted = [a, b, c].sort(compareDpkgVersions) as [string, string, string];
        expect(compareDpkgVersions(sorted[0], sorted[2])).toBeLessThanOrEqual(0);
      }),
    );
  });
});
