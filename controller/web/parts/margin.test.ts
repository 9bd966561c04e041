import { expect, it } from 'vitest';
import { marginOf } from './margin.ts';

const window = { start: '2026-03-21T21:00:00Z', end: '2026-03-22T01:00:00Z', reserveMs: 1_800_000 };

it.each([
  ['2026-03-22T00:10:00Z', 20 * 60_000],
  ['2026-03-22T00:40:00Z', -10 * 60_000],
  [null, null],
])('with an end at %s, what is left before the reserve is %s', (expectedEndAt, margin) => {
  expect(marginOf({ expectedEndAt, window })).toBe(margin);
});
