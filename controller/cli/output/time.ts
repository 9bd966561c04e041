const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `42s`, `3m20s`, `2h05m`, `4d03h`: two units at most, since nobody reads more at 2 a.m. */
export function duration(ms: number): string {
  const left = Math.max(0, Math.round(ms / SECOND)) * SECOND;
  const two = (n: number) => String(n).padStart(2, '0');
  if (left < MINUTE) return `${left / SECOND}s`;
  if (left < HOUR) return `${Math.floor(left / MINUTE)}m${two((left % MINUTE) / SECOND)}s`;
  if (left < DAY) return `${Math.floor(left / HOUR)}h${two(Math.floor((left % HOUR) / MINUTE))}m`;
  return `${Math.floor(left / DAY)}d${two(Math.floor((left % DAY) / HOUR))}h`;
}

/** `90s`, `10m`, `2h`, `1d`, or several together (`1h30m`) as milliseconds; null for any other text. */
export function parseDuration(text: string): number | null {
  if (!/^(\d+(d|h|m|s|ms))+$/.test(text)) return null;
  const units: Readonly<Record<string, number>> = { d: DAY, h: HOUR, m: MINUTE, s: SECOND, ms: 1 };
  let sum = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|d|h|m|s)/g)) sum += Number(count) * (units[unit ?? ''] ?? 0);
  return Number.isSafeInteger(sum) ? sum : null;
}

/** `2026-03-21 22:00:05Z`: sortable, and nobody has to guess the zone. */
export const moment = (instant: string | number | null): string =>
  instant === null ? '-' : `${new Date(instant).toISOString().slice(0, 19).replace('T', ' ')}Z`;

/** `22:00:05Z`, for lines that stand below a date. */
export const timeOfDay = (instant: string | number | null): string =>
  instant === null ? '-' : `${new Date(instant).toISOString().slice(11, 19)}Z`;

export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = count;
  let unit = 0;
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit++;
  }
  return unit === 0 ? `${count} B` : `${value.toFixed(1)} ${units[unit]}`;
}
