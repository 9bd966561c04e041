import { describe, expect, it } from 'vitest';
import { bytes, duration, moment, parseDuration } from './time.ts';

describe('duration', () => {
  it.each([
    [0, '0s'],
    [-5_000, '0s'],
    [59_400, '59s'],
    [59_600, '1m00s'],
    [200_000, '3m20s'],
    [7_500_000, '2h05m'],
    [356_400_000, '4d03h'],
  ])('%d ms is %s', (ms, text) => expect(duration(ms)).toBe(text));
});

describe('parseDuration', () => {
  it.each([
    ['90s', 90_000],
    ['10m', 600_000],
    ['1h30m', 5_400_000],
    ['1d', 86_400_000],
    ['250ms', 250],
  ])('%s is %d ms', (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(['', '10', 'm', '-5m', '1.5h', '10 m', '5mins', '99999999999999999d'])('refuses %j', text =>
    expect(parseDuration(text)).toBeNull(),
  );
});

it('says moments in UTC', () => {
  expect(moment('2026-03-21T22:00:00+01:00')).toBe('2026-03-21 21:00:00Z');
  expect(moment(null)).toBe('-');
});

it.each([
  [0, '0 B'],
  [1_023, '1023 B'],
  [1_536, '1.5 KiB'],
  [3 * 1024 ** 3, '3.0 GiB'],
])('%d bytes are %s', (count, text) => expect(bytes(count)).toBe(text));
