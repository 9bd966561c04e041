const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `2 h 05 min`; the two greatest units, so that it is read at a glance. */
export function duration(ms: number): string {
  const abs = Math.abs(ms);
  const sign = ms < 0 ? '−' : '';
  if (abs >= DAY) return `${sign}${Math.floor(abs / DAY)} d ${Math.floor((abs % DAY) / HOUR)} h`;
  if (abs >= HOUR) return `${sign}${Math.floor(abs / HOUR)} h ${pad(Math.floor((abs % HOUR) / MINUTE))} min`;
  if (abs >= MINUTE) return `${sign}${Math.floor(abs / MINUTE)} min ${pad(Math.floor((abs % MINUTE) / SECOND))} s`;
  return `${sign}${Math.floor(abs / SECOND)} s`;
}

/** `2026-03-21 21:00:05Z`, or in the time of this browser with its distance from UTC. */
export function moment(iso: string, utc: boolean): string {
  const at = new Date(iso);
  if (utc) return `${at.toISOString().slice(0, 19).replace('T', ' ')}Z`;
  const offset = -at.getTimezoneOffset();
  const local = new Date(at.getTime() + offset * MINUTE).toISOString().slice(0, 19).replace('T', ' ');
  const sign = offset < 0 ? '−' : '+';
  return `${local} ${sign}${pad(Math.floor(Math.abs(offset) / 60))}:${pad(Math.abs(offset) % 60)}`;
}

const pad = (number: number): string => String(number).padStart(2, '0');
