import { describe, expect, it } from 'vitest';
import { parseRecurrence } from './recurrence.ts';

/** The occurrences from a moment on, in UTC. */
function next(rule: string, start: string, from: string, count = 1, timezone = 'Europe/Berlin'): string[] {
  const recurrence = parseRecurrence(rule, start, timezone);
  if (!recurrence.ok) throw new Error(recurrence.error);
  const found: string[] = [];
  for (let after = Date.parse(from); found.length < count; ) {
    const at = recurrence.value.next(after);
    if (at === null) break;
    found.push(new Date(at).toISOString().slice(0, 16));
    after = at + 1;
  }
  return found;
}

const error = (rule: string, start = '22:00') => {
  const recurrence = parseRecurrence(rule, start, 'Europe/Berlin');
  return recurrence.ok ? '' : recurrence.error;
};

describe('a recurrence', () => {
  it('keeps its local time over both changes of the clocks', () => {
    expect(next('FREQ=WEEKLY;BYDAY=SA', '22:00', '2026-03-20T00:00Z', 3)).toEqual([
      '2026-03-21T21:00',
      '2026-03-28T21:00',
      '2026-04-04T20:00',
    ]);
    expect(next('FREQ=WEEKLY;BYDAY=SA', '22:00', '2026-10-17T00:00Z', 3)).toEqual([
      '2026-10-17T20:00',
      '2026-10-24T20:00',
      '2026-10-31T21:00',
    ]);
  });

  it('has none at a local time that the clocks leave out, and one at a time that they show twice', () => {
    expect(next('FREQ=DAILY', '02:30', '2026-03-28T00:00Z', 2)).toEqual(['2026-03-28T01:30', '2026-03-30T00:30']);
    expect(next('FREQ=DAILY', '02:30', '2026-10-25T00:00Z', 2)).toEqual(['2026-10-25T00:30', '2026-10-26T01:30']);
  });

  it('begins at the moment that is asked for, where that is an occurrence', () => {
    expect(next('FREQ=MONTHLY;BYDAY=3SA', '22:00', '2026-11-21T21:00Z')).toEqual(['2026-11-21T21:00']);
    expect(next('FREQ=MONTHLY;BYDAY=3SA', '22:00', '2026-11-21T21:01Z')).toEqual(['2026-12-19T21:00']);
  });

  it('on 29 February waits for a leap year', () => {
    expect(next('FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29', '22:00', '2026-01-01T00:00Z', 2, 'UTC')).toEqual([
      '2028-02-29T22:00',
      '2032-02-29T22:00',
    ]);
  });

  it.each([
    ['30 February', 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30'],
    ['the 31st of short months', 'FREQ=MONTHLY;BYMONTH=2,4;BYMONTHDAY=31'],
    ['a rule that is over', 'FREQ=DAILY;UNTIL=20250101'],
  ])('never comes: %s', (_, rule) => {
    expect(next(rule, '22:00', '2026-01-01T00:00Z')).toEqual([]);
  });

  it('counts from the day in its start', () => {
    expect(next('FREQ=WEEKLY;INTERVAL=2', '2026-01-03T22:00', '2026-01-04T00:00Z', 2, 'UTC')).toEqual([
      '2026-01-17T22:00',
      '2026-01-31T22:00',
    ]);
    expect(next('FREQ=WEEKLY;COUNT=2', '2026-01-03T22:00', '2026-01-01T00:00Z', 5, 'UTC')).toHaveLength(2);
  });
});

describe('no recurrence is', () => {
  it.each([
    ['hello', /it knows no "hello"; write one like/],
    ['', /it knows no ""/],
    ['BYDAY=SA', /FREQ is missing/],
    ['FREQ=SECONDLY', /FREQ=SECONDLY does not work/],
    ['FREQ=DAILY;BYHOUR=3', /it knows no "BYHOUR=3"/],
    ['FREQ=DAILY;BYMONTHDAY=99', /BYMONTHDAY=99 does not work: it takes 1 to 31/],
    ['FREQ=MONTHLY;BYDAY=XX', /takes days like/],
    ['FREQ=DAILY;FREQ=WEEKLY', /FREQ is in it twice/],
    ['FREQ=DAILY;COUNT=2;UNTIL=20260101', /both COUNT and UNTIL/],
    ['FREQ=WEEKLY;INTERVAL=2', /INTERVAL counts from a day/],
    [`FREQ=DAILY;${' '.repeat(512)}`, /at most 512 characters/],
    ['FREQ=DAILY\nRRULE:FREQ=SECONDLY', /it knows no/],
  ])('%j', (rule, expected) => {
    expect(error(rule)).toMatch(expected);
  });

  it.each([
    ['25:00', /is no start/],
    ['22', /is no start/],
    ['2026-02-30T22:00', /is no day/],
  ])('one with the start %s', (start, expected) => {
    expect(error('FREQ=DAILY', start)).toMatch(expected);
  });
});
