import { describe, expect, it } from 'vitest';
import { parseCalendar } from './calendar.ts';

const ics = (...events: string[]) =>
  ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//test//EN', ...events, 'END:VCALENDAR', ''].join('\r\n');
const event = (...lines: string[]) => ['BEGIN:VEVENT', 'UID:1', ...lines, 'END:VEVENT'].join('\r\n');

/** When the freeze is that lies in the day (UTC), as `start end summary`, or null. */
function frozen(text: string, from: string, to: string, timezone = 'Europe/Berlin'): string | null {
  const calendar = parseCalendar('freeze.ics', text, timezone);
  if (!calendar.ok) throw new Error(calendar.error);
  const freeze = calendar.value.freezeIn(Date.parse(from), Date.parse(to));
  return freeze && `${new Date(freeze.start).toISOString()} ${new Date(freeze.end).toISOString()} ${freeze.summary}`;
}

const error = (text: string): string => {
  const calendar = parseCalendar('freeze.ics', text, 'UTC');
  return calendar.ok ? '' : calendar.error;
};

describe('a freeze', () => {
  it('of whole days lasts from midnight to midnight in the zone of the policy', () => {
    const text = ics(event('DTSTART;VALUE=DATE:20261220', 'DTEND;VALUE=DATE:20270105', 'SUMMARY:year end'));
    expect(frozen(text, '2026-12-19T22:00Z', '2026-12-19T23:00Z')).toBeNull();
    expect(frozen(text, '2026-12-19T22:00Z', '2026-12-19T23:01Z')).toBe(
      '2026-12-19T23:00:00.000Z 2027-01-04T23:00:00.000Z year end',
    );
    expect(frozen(text, '2027-01-04T23:00Z', '2027-01-05T03:00Z')).toBeNull();
    expect(frozen(text, '2027-01-04T23:00Z', '2027-01-05T03:00Z', 'America/New_York')).toContain('year end');
  });

  it('goes by the IANA zone that it names, on both sides of a change of the clocks', () => {
    const text = ics(
      event('DTSTART;TZID=Europe/Berlin:20260321T200000', 'DURATION:PT3H', 'RRULE:FREQ=WEEKLY', 'SUMMARY:weekly'),
    );
    expect(frozen(text, '2026-03-28T00:00Z', '2026-03-29T00:00Z')).toContain('2026-03-28T19:00:00.000Z');
    expect(frozen(text, '2026-04-04T00:00Z', '2026-04-05T00:00Z')).toContain('2026-04-04T18:00:00.000Z');
    expect(frozen(text, '2026-04-05T00:00Z', '2026-04-11T00:00Z')).toBeNull();
  });

  it('goes by the zone that the file defines, whatever it is called', () => {
    const zone = [
      'BEGIN:VTIMEZONE',
      'TZID:Zone of the office',
      'BEGIN:STANDARD',
      'DTSTART:16010101T000000',
      'TZOFFSETFROM:+0530',
      'TZOFFSETTO:+0530',
      'END:STANDARD',
      'END:VTIMEZONE',
    ].join('\r\n');
    const text = ics(zone, event('DTSTART;TZID=Zone of the office:20260321T200000', 'DURATION:PT1H', 'SUMMARY:x'));
    expect(frozen(text, '2026-03-21T00:00Z', '2026-03-22T00:00Z')).toContain('2026-03-21T14:30:00.000Z');
  });

  it('in UTC is in UTC', () => {
    const text = ics(event('DTSTART:20260321T200000Z', 'DTEND:20260321T210000Z', 'SUMMARY:x'));
    expect(frozen(text, '2026-03-21T20:59Z', '2026-03-21T23:00Z')).not.toBeNull();
    expect(frozen(text, '2026-03-21T21:00Z', '2026-03-21T23:00Z')).toBeNull();
  });

  it('that comes again leaves out what is excepted, follows what was moved, and ends where it ends', () => {
    const series = [
      'DTSTART:20260301T200000Z',
      'DURATION:PT1H',
      'RRULE:FREQ=DAILY;UNTIL=20260310T235959Z',
      'EXDATE:20260303T200000Z',
      'SUMMARY:daily',
    ];
    const moved = event('RECURRENCE-ID:20260305T200000Z', 'DTSTART:20260305T060000Z', 'DURATION:PT1H', 'SUMMARY:moved');
    const gone = event('RECURRENCE-ID:20260306T200000Z', 'DTSTART:20260306T200000Z', 'STATUS:CANCELLED', 'SUMMARY:off');
    const text = ics(event(...series), moved, gone);
    const on = (day: string) => frozen(text, `2026-03-${day}T00:00Z`, `2026-03-${day}T23:59Z`);
    expect(on('02')).toContain('daily');
    expect(on('03')).toBeNull();
    expect(on('05')).toContain('2026-03-05T06:00:00.000Z');
    expect(on('06')).toBeNull();
    expect(on('10')).toContain('daily');
    expect(on('11')).toBeNull();
  });

  it('that was cancelled freezes nothing, and one that is marked as free does', () => {
    const day = ['DTSTART;VALUE=DATE:20260321', 'SUMMARY:x'];
    const at = ['2026-03-21T12:00Z', '2026-03-21T13:00Z'] as const;
    expect(frozen(ics(event(...day, 'STATUS:CANCELLED')), ...at)).toBeNull();
    expect(frozen(ics(event(...day, 'TRANSP:TRANSPARENT')), ...at)).not.toBeNull();
  });

  it('of a calendar without events is none', () => {
    expect(frozen(ics(), '2026-01-01T00:00Z', '2036-01-01T00:00Z')).toBeNull();
  });
});

describe('a file is no calendar', () => {
  it.each([
    ['of another kind', '<html><body>Sign in</body></html>', /^freeze\.ics is no calendar that can be read: /],
    ['that is empty', '', /is no calendar that can be read/],
    ['that ends in the middle', 'BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n', /did not end/],
    ['of one event without its calendar', event('DTSTART:20260101T000000Z'), /it is no single VCALENDAR/],
    ['with an event that has no beginning', ics(event('SUMMARY:x')), /"x" has no DTSTART/],
    ['with a date that is none', ics(event('DTSTART:someday', 'SUMMARY:x')), /invalid date-time value/],
    [
      'with an end before the beginning',
      ics(event('DTSTART:20260102T000000Z', 'DTEND:20260101T000000Z', 'SUMMARY:x')),
      /ends before/,
    ],
    [
      'with a zone that nobody knows',
      ics(event('DTSTART;TZID=Nowhere:20260101T000000', 'SUMMARY:x')),
      /time zone Nowhere/,
    ],
    [
      'with a freeze by the second',
      ics(event('DTSTART:20260101T000000Z', 'RRULE:FREQ=SECONDLY', 'SUMMARY:x')),
      /daily at most/,
    ],
  ])('%s', (_, text, expected) => {
    expect(error(text)).toMatch(expected);
  });
});
