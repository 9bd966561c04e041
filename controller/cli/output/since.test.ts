import { describe, expect, it } from 'vitest';
import { parseSince } from './since.ts';

/** A Tuesday, by the calendar of whoever runs this. */
const NOW = new Date(2026, 11, 1, 9, 30).getTime();
const HOUR = 3_600_000;

describe('since when', () => {
  it.each<[string, Date]>([
    ['Friday', new Date(2026, 10, 27)],
    ['fri', new Date(2026, 10, 27)],
    ['Tuesday', new Date(2026, 11, 1)],
    ['wednesday', new Date(2026, 10, 25)],
    ['today', new Date(2026, 11, 1)],
    ['yesterday', new Date(2026, 10, 30)],
    ['2026-11-20', new Date(2026, 10, 20)],
    ['2d', new Date(NOW - 48 * HOUR)],
    ['90m', new Date(NOW - 1.5 * HOUR)],
    ['2026-11-20T20:00Z', new Date(Date.UTC(2026, 10, 20, 20))],
  ])('%s is a moment', (text, at) => {
    expect(parseSince(text, NOW)).toBe(at.getTime());
  });

  it.each(['', 'f', 'someday', '2026-02-31T', '2026-99-99', '-2d', '20261120'])('%j is none', text => {
    expect(parseSince(text, NOW)).toBeNull();
  });
});
