import { describe, expect, it } from 'vitest';
import { compareApkVersions } from './apk.ts';

/* The vectors are those of apk-tools' own test suite (test/version.data), as far as both versions are valid there. */

describe('the order of Alpine versions', () => {
  it.each([
    ['2.34', '0.1.0_alpha', '>'],
    ['0.1.0_alpha', '0.1.0_alpha', '='],
    ['0.1.0_alpha', '0.1.3_alpha', '<'],
    ['0.1.3_alpha', '0.1.0_alpha', '>'],
    ['0.1.0_alpha2', '0.1.0_alpha', '>'],
    ['0.1.0_alpha', '2.2.39-r1', '<'],
    ['2.2.39-r1', '1.0.4-r3', '>'],
    ['1.0.4-r3', '1.0.4-r4', '<'],
    ['1.0.4-r4', '1.6', '<'],
    ['1.6', '1.0.2', '>'],
    ['1.0.2', '0.7-r1', '>'],
    ['0.7-r1', '1.0.0', '<'],
    ['1.0.0', '1.0.1', '<'],
    ['1.0.1', '1.1', '<'],
    ['1.1', '1.1_alpha1', '>'],
    ['1.1_alpha1', '1.2.1', '<'],
    ['1.2.1', '1.2', '>'],
    ['1.2', '1.3_alpha', '<'],
    ['1.3_alpha', '1.3_alpha2', '<'],
    ['1.3_alpha2', '1.3_alpha3', '<'],
    ['1.3_alpha8', '0.6.0', '>'],
    ['0.6.1', '0.7.0', '<'],
    ['0.9.7', '0.9.9', '<'],
    ['0.9.9', '0.9.9_alpha', '>'],
    ['1.2.2', '1.2.1', '>'],
    ['8.4.0-r1', '8.4.0-r2', '<'],
    ['2.1.12-r2', '2.1.12-r10', '<'],
    ['1.0b', '1.0', '>'],
    ['1.0a', '1.0b', '<'],
    ['1.0_p10-r1', '1.0_p9-r1', '>'],
    ['1.0_p1', '1.0', '>'],
    ['1.0_rc1', '1.0', '<'],
    ['1.0_rc1', '1.0_pre9', '>'],
    ['6.1_pre1', '6.1_rc1', '<'],
    ['1.02', '1.1', '<'],
    ['1.010', '1.02', '<'],
    ['20050718-r1', '20050718-r2', '<'],
    ['4.7.0-r0', '4.7-r9', '>'],
  ])('has %s %s: %s', (a, b, order) => {
    const sign = Math.sign(compareApkVersions(a, b));
    expect({ '<': -1, '=': 0, '>': 1 }[order]).toBe(sign);
    expect(Math.sign(compareApkVersions(b, a))).toBe(0 - sign);
  });
});
