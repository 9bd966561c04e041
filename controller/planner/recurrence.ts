import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { RRuleTemporal } from 'rrule-temporal';

/*
 * When windows come again: RFC 5545 recurrence rules, in a time zone. The library computes them; what it would let pass
 * and nobody means (parts that it does not know, numbers out of range, windows by the minute) is refused here first.
 */

/** Windows begin; two a day at most is what their start says. */
const FREQUENCIES = ['DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'];

const numbers =
  (low: number, high: number, negative = true) =>
  (text: string): boolean =>
    text.split(',').every(part => {
      const number = /^[+-]?\d{1,4}$/.test(part) ? Number(part) : Number.NaN;
      return (negative ? Math.abs(number) : number) >= low && Math.abs(number) <= high;
    });

const PARTS: Readonly<Record<string, { allows(value: string): boolean; form: string }>> = {
  FREQ: { allows: value => FREQUENCIES.includes(value), form: FREQUENCIES.join(', ') },
  INTERVAL: { allows: numbers(1, 999, false), form: '1 to 999' },
  COUNT: { allows: numbers(1, 9999, false), form: '1 to 9999' },
  UNTIL: { allows: value => /^\d{8}(T\d{6}Z?)?$/.test(value), form: 'a day like 20271231' },
  BYDAY: {
    allows: value => value.split(',').every(day => /^([+-]?[1-9]\d?)?(MO|TU|WE|TH|FR|SA|SU)$/.test(day)),
    form: 'days like MO, 3SA or -1FR',
  },
  BYMONTHDAY: { allows: numbers(1, 31), form: '1 to 31, or -1 to -31' },
  BYMONTH: { allows: numbers(1, 12, false), form: '1 to 12' },
  BYYEARDAY: { allows: numbers(1, 366), form: '1 to 366, or -1 to -366' },
  BYWEEKNO: { allows: numbers(1, 53), form: '1 to 53, or -1 to -53' },
  BYSETPOS: { allows: numbers(1, 366), form: '1 to 366, or -1 to -366' },
  WKST: { allows: value => /^(MO|TU|WE|TH|FR|SA|SU)$/.test(value), form: 'a day like MO' },
};

/** Long enough for any rule that a person reads. */
const MAX_RULE = 512;
/** From here rules without a date of their own count. A Saturday, like most windows; the first of its year. */
const ANCHOR = '20000101';
/** A leap day that falls on a given day of the week comes every 28 years; no window that is planned lies further off. */
const HORIZON_MS = 30 * 366 * 86_400_000;

export interface Recurrence {
  text: string;
  /** The first occurrence that begins at `fromMs` or later, in milliseconds since the epoch; null where none comes. */
  next(fromMs: number): number | null;
}

/**
 * `start` is a time of day (`22:00`), or a day with a time (`2026-01-03T22:00`) from which the rule counts. A local time
 * that a change to summer time leaves out is no occurrence, as the RFC demands; of one that comes twice, the first.
 */
export function parseRecurrence(rrule: string, start: string, timezone: string): Result<Recurrence, string> {
  const parts = partsOf(rrule);
  if (!parts.ok) return parts;
  const [, day, hours, minutes] = /^(?:(\d{4}-\d{2}-\d{2})T)?([01]\d|2[0-3]):([0-5]\d)$/.exec(start) ?? [];
  if (hours === undefined) return err(`"${start}" is no start: write a time of day like "22:00"`);
  const counts = ['INTERVAL', 'COUNT'].find(part => (parts.value.get(part) ?? '1') !== '1');
  if (counts !== undefined && day === undefined)
    return err(`${counts} counts from a day: write it into the start, like "2026-01-03T${hours}:${minutes}"`);
  if (day !== undefined && !isDay(day)) return err(`${day} is no day`);
  const from = `${day?.replaceAll('-', '') ?? ANCHOR}T${hours}${minutes}00`;
  const rule = [...parts.value].map(([key, value]) => `${key}=${value}`).join(';');
  let parsed: RRuleTemporal;
  try {
    parsed = new RRuleTemporal({ rruleString: `DTSTART;TZID=${timezone}:${from}\nRRULE:${rule}` });
  } catch (error) {
    return err(`this is no recurrence: ${(error as Error).message}`);
  }
  return ok({ text: rrule, next: fromMs => nextOf(parsed, fromMs) });
}

function nextOf(rule: RRuleTemporal, fromMs: number): number | null {
  try {
    const next = rule.next(new Date(fromMs), true);
    return next === null || next.epochMilliseconds > fromMs + HORIZON_MS ? null : next.epochMilliseconds;
  } catch {
    // The library gives up after some thousand days or months on which nothing fits: 30 February.
    return null;
  }
}

function partsOf(rrule: string): Result<Map<string, string>, string> {
  if (rrule.length > MAX_RULE) return err(`a recurrence has at most ${MAX_RULE} characters`);
  const parts = new Map<string, string>();
  for (const part of rrule.replace(/^RRULE:/i, '').split(';')) {
    const [key = '', value = '', ...rest] = part.toUpperCase().split('=');
    const known = Object.hasOwn(PARTS, key) ? PARTS[key] : undefined;
    if (!known || rest.length > 0)
      return err(`this is no recurrence: it knows no "${part}"; write one like FREQ=MONTHLY;BYDAY=3SA`);
    if (parts.has(key)) return err(`${key} is in it twice`);
    if (!known.allows(value)) return err(`${key}=${value} does not work: it takes ${known.form}`);
    parts.set(key, value);
  }
  if (!parts.has('FREQ')) return err('this is no recurrence: FREQ is missing; write one like FREQ=MONTHLY;BYDAY=3SA');
  if (parts.has('COUNT') && parts.has('UNTIL')) return err('it has both COUNT and UNTIL: one of them can end it');
  return ok(parts);
}

/** Date.parse takes 31 February and gives a day in March. */
function isDay(text: string): boolean {
  const ms = Date.parse(`${text}T00:00:00Z`);
  return Number.isFinite(ms) && new Date(ms).toISOString().startsWith(text);
}
