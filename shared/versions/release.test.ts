import { describe, expect, it } from 'vitest';
import { compareReleaseVersions } from './release.ts';

describe('the order of release versions', () => {
  it.each([
    ['1.4.0', '1.4.1'],
    ['1.4.9', '1.4.10'],
    ['2.0.0-rc.1', '2.0.0'],
    ['2024.1', '2024.10'],
    ['7', '12'],
    ['1.4', '1.4.1'],
  ])('has %s before %s', (older, newer) => {
    expect(compareReleaseVersions(older, newer)).toBeLessThan(0);
    expect(compareReleaseVersions(newer, older)).toBeGreaterThan(0);
  });

  it('has a version and itself as one', () => {
    expect(compareReleaseVersions('1.4', '1.4')).toBe(0);
  });
});
