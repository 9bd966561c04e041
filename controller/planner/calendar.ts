import { type Digest, digestOf } from '@tidemark/shared/base/digest.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import ICAL from 'ical.js';
import { Temporal } from 'temporal-polyfill';

/*
 * Calendars of freezes (.ics, RFC 5545). Every event is a time in which nothing may be patched, whether or not it is marked
 * as busy: in the calendars of companies holidays are "free". Only a cancelled one counts for nothing.
 */

export interface Freeze {
  /** What the event is called. */
  summary: string;
  /** Milliseconds since the epoch; `end` is not in it any more. */
  start: number;
  end: number;
}

export interface Calendar {
  /** As the policy names it. */
  name: string;
  digest: Digest;
  /** The first freeze that lies in the time from `start` to `end`, or null. */
  freezeIn(start: number, end: number): Freeze | null;
}

/** A year of a company has some hundred events; more than this is no calendar of freezes. */
const MAX_EVENTS = 10_000;
/** A daily event since 1990 has 13,000. */
const MAX_OCCURRENCES = 50_000;

/** `timezone`: of times that name none, such as whole days. */
export function parseCalendar(name: string, text: string, timezone: string): Result<Calendar, string> {
  const refuse = (why: string) => err(`${name} is no calendar that can be read: ${why}`);
  let events: ReadEvent[];
  try {
    const parsed: unknown = ICAL.parse(text);
    if (!Array.isArray(parsed) || parsed[0] !== 'vcalendar') return refuse('it is no single VCALENDAR');
    events = eventsOf(new ICAL.Component(parsed), timezone);
  } catch (error) {
    return refuse((error as Error).message.split('\n')[0] ?? '');
  }
  if (events.length > MAX_EVENTS) return refuse(`it has more than ${MAX_EVENTS} events`);
  return ok({
    name,
    digest: digestOf(Buffer.from(text, 'utf8')),
    freezeIn: (start, end) => {
      const found = events.flatMap(event => event.freezeIn(start, end) ?? []);
      return found.sort((a, b) => a.start - b.start || a.end - b.end)[0] ?? null;
    },
  });
}

interface ReadEvent {
  freezeIn(start: number, end: number): Freeze | null;
}

function eventsOf(calendar: ICAL.Component, timezone: string): ReadEvent[] {
  const all = calendar.getAllSubcomponents('vevent');
  const series = new Set(all.filter(each => !each.hasProperty('recurrence-id')).map(uidOf));
  return (
    all
      .filter(each => String(each.getFirstPropertyValue('status') ?? '').toUpperCase() !== 'CANCELLED')
      // A moved occurrence is found through its series, where that is in the file.
      .filter(each => !each.hasProperty('recurrence-id') || !series.has(uidOf(each)))
      .map(component => eventOf(component, timezone))
  );
}

const uidOf = (component: ICAL.Component): string => String(component.getFirstPropertyValue('uid') ?? '');

/** Reads all of an event at once, so that what is wrong in it is found with the file and not on patch night. */
function eventOf(component: ICAL.Component, timezone: string): ReadEvent {
  const event = new ICAL.Event(component);
  const summary = typeof event.summary === 'string' && event.summary !== '' ? event.summary : 'a freeze without a name';
  if (!component.hasProperty('dtstart')) throw new Error(`"${summary}" has no DTSTART`);
  const millis = millisIn(component, timezone);
  const single = (start: ICAL.Time, end: ICAL.Time): Freeze => ({ summary, start: millis(start), end: millis(end) });
  if (!event.isRecurring()) {
    const freeze = single(event.startDate, event.endDate);
    if (freeze.end < freeze.start) throw new Error(`"${summary}" ends before it begins`);
    return { freezeIn: (start, end) => (overlaps(freeze, start, end) ? freeze : null) };
  }
  for (const rule of component.getAllProperties('rrule')) checkRule(summary, rule.getFirstValue());
  return {
    freezeIn: (start, end) => {
      const occurrences = event.iterator();
      // Whatever was moved may lie before where it was: all that begin up to a month behind the end are looked at.
      const last = end + 31 * 86_400_000;
      for (let count = 0; count < MAX_OCCURRENCES; count++) {
        const next = occurrences.next();
        if (!next || millis(next) > last) return null;
        const details = event.getOccurrenceDetails(next);
        if (String(details.item.component.getFirstPropertyValue('status') ?? '').toUpperCase() === 'CANCELLED')
          continue;
        const freeze = single(details.startDate, details.endDate);
        if (overlaps(freeze, start, end)) return freeze;
      }
      return null;
    },
  };
}

/** No freeze comes by the hour; one that says so would be looked at for ever, and so would one that never comes. */
function checkRule(summary: string, rule: unknown): void {
  if (!(rule instanceof ICAL.Recur)) throw new Error(`"${summary}" has a recurrence that cannot be read`);
  if (!['DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'].includes(rule.freq))
    throw new Error(`"${summary}" comes again ${rule.freq}: a freeze comes daily at most`);
}

/** An event without a length is a moment. */
const overlaps = (freeze: Freeze, start: number, end: number): boolean =>
  freeze.start < end && Math.max(freeze.end, freeze.start + 1) > start;

/** Times with a zone that the file defines go by that; others by the IANA zone that they name, else by the policy's. */
function millisIn(component: ICAL.Component, timezone: string): (time: ICAL.Time) => number {
  const named = component.getFirstProperty('dtstart')?.getFirstParameter('tzid');
  return time => {
    const { zone } = time;
    if (zone && zone !== ICAL.Timezone.localTimezone) return time.toUnixTime() * 1_000;
    const { year, month, day, hour, minute, second } = time;
    const local = Temporal.PlainDateTime.from({ year, month, day, hour, minute, second });
    try {
      return local.toZonedDateTime(named || timezone).epochMilliseconds;
    } catch {
      throw new Error(`it speaks of a time zone ${named}, which it does not define and which is no IANA name`);
    }
  };
}
