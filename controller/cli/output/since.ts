import { parseDuration } from './time.ts';

const DAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];

/**
 * The moment that somebody means: `Friday` (the last one, from its beginning), `today`, `yesterday`, `2d`, `2026-11-27` or
 * `2026-11-27T20:00Z`. Days begin in the time zone of who asks. Null for any other text. Milliseconds since the epoch.
 */
export function parseSince(text: string, now: number): number | null {
  const word = text.trim().toLowerCase();
  const back = parseDuration(word);
  if (back !== null) return now - back;
  if (word === 'today') return daysAgo(now, 0);
  if (word === 'yesterday') return daysAgo(now, 1);
  const day = word.length < 3 ? -1 : DAYS.findIndex(name => name.startsWith(word));
  if (day >= 0) return daysAgo(now, (new Date(now).getDay() - day + 7) % 7);
  if (/^\d{4}-\d\d-\d\d$/.test(word)) return valid(new Date(`${word}T00:00:00`).getTime());
  return /^\d{4}-\d\d-\d\dt\d\d:\d\d/.test(word) ? valid(Date.parse(text.trim())) : null;
}

/** By the calendar, since days have 23 and 25 hours too. */
function daysAgo(now: number, days: number): number {
  const at = new Date(now);
  return new Date(at.getFullYear(), at.getMonth(), at.getDate() - days).getTime();
}

const valid = (at: number): number | null => (Number.isNaN(at) ? null : at);
