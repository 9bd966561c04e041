import { type Calendar, parseCalendar } from './calendar.ts';
import type { Place } from './errors.ts';
import type { WindowRule } from './policy.ts';
import type { PolicyReader } from './policy-reader.ts';
import { parseRecurrence } from './recurrence.ts';

const PATH = ['spec', 'window'];

/** `files`: texts of the calendars beside the policy, by the name that it gives them. */
export function parseWindow(reader: PolicyReader, files: ReadonlyMap<string, string>): WindowRule {
  const { duration, reserve, timezone, rrule, start } = reader.file.spec.window;
  if (duration === 0) reader.complain([...PATH, 'duration'], 'the window has no duration');
  if (reserve >= duration && duration > 0)
    reader.complain([...PATH, 'reserve'], 'the reserve for undo leaves nothing of the window');
  const known = isTimezone(timezone);
  if (!known)
    reader.complain(
      [...PATH, 'timezone'],
      `${timezone} is no time zone: write one of the IANA names, like Europe/Berlin`,
    );
  if (rrule === undefined && start !== undefined)
    reader.complain([...PATH, 'start'], 'a start without "rrule" opens no window: say when it comes again');
  if (rrule !== undefined && start === undefined)
    reader.complain([...PATH, 'rrule'], 'spec.window.start is missing: at what time does the window open?');
  return {
    durationMs: duration,
    reserveMs: reserve,
    timezone,
    recurrence: known && rrule !== undefined && start !== undefined ? recurrence(reader, rrule, start, timezone) : null,
    blackouts: known ? blackouts(reader, timezone, files) : [],
    place: reader.place(PATH),
  };
}

function recurrence(reader: PolicyReader, rrule: string, start: string, timezone: string): WindowRule['recurrence'] {
  const parsed = parseRecurrence(rrule, start, timezone);
  if (parsed.ok) return { ...parsed.value, place: reader.place([...PATH, 'rrule']) };
  reader.complain([...PATH, parsed.error.includes('start') ? 'start' : 'rrule'], parsed.error);
  return null;
}

function blackouts(
  reader: PolicyReader,
  timezone: string,
  files: ReadonlyMap<string, string>,
): (Calendar & { place: Place })[] {
  return reader.file.spec.window.blackout.flatMap((name, index) => {
    const path = [...PATH, 'blackout', index];
    const text = files.get(name);
    if (text === undefined) {
      reader.complain(
        path,
        `the calendar ${name} did not come with the policy: it is read from the policy's directory`,
      );
      return [];
    }
    const calendar = parseCalendar(name, text, timezone);
    if (!calendar.ok) reader.complain(path, calendar.error);
    return calendar.ok ? [{ ...calendar.value, place: reader.place(path) }] : [];
  });
}

/** Offsets such as `+01:00` are taken by Intl too, but they know no summer time: a window that wanders is no window. */
function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return /^[A-Za-z]/.test(name);
  } catch {
    return false;
  }
}
