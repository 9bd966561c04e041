import { expect, it } from 'vitest';
import { duration, moment } from './time.ts';

it.each([
  [999, '0 s'],
  [61_000, '1 min 01 s'],
  [3_600_000 + 5 * 60_000, '1 h 05 min'],
  [-90_000, '−1 min 30 s'],
  [25 * 3_600_000, '1 d 1 h'],
])('%i ms are %s', (ms, text) => expect(duration(ms)).toBe(text));

it('says a moment in UTC, and that it is UTC', () => {
  expect(moment('2026-03-21T21:00:05.123Z', true)).toBe('2026-03-21 21:00:05Z');
});

it('says a moment of this place with its distance from UTC, which leads back to it', () => {
  const [day, time, offset] = moment('2026-03-21T21:00:05.000Z', false).split(' ');
  const back = new Date(`${day}T${time}${offset?.replace('−', '-')}`);
  expect(back.toISOString()).toBe('2026-03-21T21:00:05.000Z');
});
