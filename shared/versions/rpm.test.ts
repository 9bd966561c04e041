import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareRpmParts, compareRpmVersions } from './rpm.ts';

/* The vectors are those of rpm's own test suite (tests/rpmvercmp.at). */

describe('the order of rpm versions and releases', () => {
  it.each([
    ['1.0', '2.0'],
    ['2.0', '2.0.1'],
    ['2.0.1', '2.0.1a'],
    ['5.5p1', '5.5p2'],
    ['5.5p1', '5.5p10'],
    ['10xyz', '10.1xyz'],
    ['xyz10', 'xyz10.1'],
    ['xyz.4', '8'],
    ['xyz.4', '2'],
    ['5.5p2', '5.6p1'],
    ['5.6p1', '6.5p1'],
    ['6.0', '6.0.rc1'],
    ['10a2', '10b2'],
    ['1.0a', '1.0aa'],
    ['10.0001', '10.0039'],
    ['4.999.9', '5.0'],
    ['20101121', '20101122'],
    ['1.0~rc1', '1.0'],
    ['1.0~rc1', '1.0~rc2'],
    ['1.0~rc1~git123', '1.0~rc1'],
    ['1.0', '1.0^'],
    ['1.0', '1.0^git1'],
    ['1.0^git1', '1.0^git2'],
    ['1.0^git1', '1.01'],
    ['1.0^20160101', '1.0.1'],
    ['1.0^20160101^git1', '1.0^20160102'],
    ['1.0~rc1', '1.0~rc1^git1'],
    ['1.0^git1~pre', '1.0^git1'],
  ])('have %s before %s', (older, newer) => {
    expect(compareRpmParts(older, newer)).toBeLessThan(0);
    expect(compareRpmParts(newer, older)).toBeGreaterThan(0);
  });

  it.each([
    ['2_0', '2.0'],
    ['a+', 'a_'],
    ['+a', '_a'],
    ['10.0001', '10.1'],
    ['1.0~rc1', '1.0~rc1'],
    ['1.0^', '1.0^'],
    ['1b.fc17', '1b.fc17'],
  ])('have %s and %s as one', (a, b) => {
    expect(compareRpmParts(a, b)).toBe(0);
  });

  it.each([
    ['1.0-1', '1.0-2'],
    ['9.9-9', '1:0.1-1'],
    ['1.0-1.el9', '1.0-1.el9_2'],
  ])('have %s before %s with epoch and release', (older, newer) => {
    expect(compareRpmVersions(older, newer)).toBeLessThan(0);
    expect(compareRpmVersions(newer, older)).toBeGreaterThan(0);
  });

  it.each([
    ['0:1.0-1', '1.0-1'],
    ['1.0', '1.0-7'],
  ])('have %s and %s as one with epoch and release', (a, b) => {
    expect(compareRpmVersions(a, b)).toBe(0);
  });

  it('are as far apart from one side as from the other', () => {
    const version = fc.string({ unit: fc.constantFrom(...'01a~^.:-'), maxLength: 6 });
    fc.assert(
      fc.property(version, version, (a, b) => {
        expect(Math.sign(compareRpmVersions(a, b))).toBe(0 - Math.sign(compareRpmVersions(b, a)));
      }),
    );
  });
});
