import { describe, expect, it } from 'vitest';
import { compareMsiVersions, compareWindowsVersions } from './windows.ts';

describe('the order of Windows versions', () => {
  it.each([
    ['10.0.20348.2655', '10.0.20348.2700'],
    ['10.0.20348.999', '10.0.20348.2700'],
    ['10.0.17763.6293', '10.0.20348.1'],
    ['6.3.9600', '10.0.14393'],
    ['1.0', '1.0.0.1'],
    ['1.2.99999999999999999998', '1.2.99999999999999999999'],
  ])('has %s before %s', (older, newer) => {
    expect(compareWindowsVersions(older, newer)).toBeLessThan(0);
    expect(compareWindowsVersions(newer, older)).toBeGreaterThan(0);
  });

  it.each([
    ['1.0', '1.0.0.0'],
    ['10.0.020348', '10.0.20348'],
    ['1.0-beta', '1'],
  ])('has %s and %s as one', (a, b) => expect(compareWindowsVersions(a, b)).toBe(0));

  it('leaves the fourth field of an MSI package out of account', () => {
    expect(compareMsiVersions('1.2.3.4', '1.2.3.5')).toBe(0);
    expect(compareMsiVersions('1.2.3.4', '1.2.4.0')).toBeLessThan(0);
  });
});
