import { describe, expect, it } from 'vitest';
import { nextDue, scheduleProblems } from './schedules.ts';

const due = (cron: string, timezone: string, after: string) => {
  const next = nextDue({ cron, timezone }, Date.parse(after));
  return next.ok ? new Date(next.value).toISOString() : next.error;
};

describe('a schedule is due', () => {
  it.each([
    ['30 2 * * *', 'UTC', '2026-03-01T00:00:00Z', '2026-03-01T02:30:00.000Z'],
    ['30 2 * * *', 'UTC', '2026-03-01T02:30:00Z', '2026-03-02T02:30:00.000Z'],
    ['30 2 * * *', 'Europe/Berlin', '2026-01-01T12:00:00Z', '2026-01-02T01:30:00.000Z'],
    ['0 22 * * 6', 'America/New_York', '2026-07-01T00:00:00Z', '2026-07-05T02:00:00.000Z'],
    ['0 0 29 2 *', 'UTC', '2026-03-01T00:00:00Z', '2028-02-29T00:00:00.000Z'],
  ])('%s in %s after %s: %s', (cron, timezone, after, expected) => {
    expect(due(cron, timezone, after)).toBe(expected);
  });

  it('once on the day on which the clock skips its hour, and once where the clock shows it twice', () => {
    const times = (from: string, count: number) => {
      const found: string[] = [];
      for (let at = from; found.length < count; at = found.at(-1) ?? at)
        found.push(due('30 2 * * *', 'Europe/Berlin', at));
      return found;
    };
    // 29 March 2026: 02:00 becomes 03:00. 25 October 2026: 03:00 becomes 02:00.
    expect(times('2026-03-28T12:00:00Z', 2)).toEqual(['2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z']);
    const autumn = times('2026-10-24T12:00:00Z', 2);
    expect(autumn.map(time => time.slice(0, 10))).toEqual(['2026-10-25', '2026-10-26']);
  });
});

describe('a schedule is refused', () => {
  it.each([
    ['a cron that is none', { cron: 'every night' }, 'has 2 fields'],
    ['a field out of range', { cron: '61 2 * * *' }, 'cannot be read'],
    ['a day that never comes', { cron: '0 0 30 2 *' }, 'never comes'],
    ['seconds', { cron: '0 30 2 * * *' }, 'has 6 fields'],
    ['a zone that is none', { timezone: 'Mars/Olympus' }, 'there is no time zone'],
    ['a time each minute', { cron: '* * * * *' }, 'more often than every 5 minutes'],
    ['a name with a space', { name: 'a b' }, 'must be small letters'],
  ])('with %s', (_what, change, said) => {
    const problems = scheduleProblems({ name: 'nightly', cron: '30 2 * * *', timezone: 'UTC', ...change }, 0);
    expect(problems.join('; ')).toContain(said);
  });

  it('and for nothing else', () => {
    expect(scheduleProblems({ name: 'nightly', cron: '*/5 * * * *', timezone: 'Europe/Berlin' }, 0)).toEqual([]);
  });
});
