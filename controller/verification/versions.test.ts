import { expect, it } from 'vitest';
import { compareVersions, isOlder } from './versions.ts';

it.each([
  ['1.4.0', '1.4.1'],
  ['1.9', '1.10'],
  ['1.4', '1.4.1'],
  ['9', '10'],
  ['1.4.0-1', '1.4.0-2'],
  ['20240101000000000000001', '20240101000000000000002'],
])('%s is older than %s', (a, b) => {
  expect(isOlder(a, b)).toBe(true);
  expect(isOlder(b, a)).toBe(false);
  expect(compareVersions(a, a)).toBe(0);
});
