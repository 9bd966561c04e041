/* What the tools of time services say, as text, and what it means. Pure, so that each can be tried on recorded output. */

export type ClockReading =
  /** Offset from true time; positive where this clock is ahead. */
  { known: true; source: string; offsetMs: number } | { known: false; source: string; why: string };

/**
 * `chronyc -c tracking` (chrony 3 and 4): reference id, its name, stratum, time, system offset (s, positive where the
 * clock is slow), last offset, rms, frequency, residual, skew, root delay, root dispersion, interval, leap status.
 *
 * What counts is what remains to be corrected, and what the last measurement found where that is more.
 */
export function readChrony(text: string): ClockReading {
  const source = 'chrony';
  const fields = text.trim().split('\n').at(-1)?.split(',') ?? [];
  const leap = fields[13];
  const remaining = Number(fields[4] || Number.NaN);
  const last = Number(fields[5] || Number.NaN);
  if (leap === undefined || !Number.isFinite(remaining) || !Number.isFinite(last))
    return {
      known: false,
      source,
      why: `chrony says something that cannot be read: ${JSON.stringify(text.slice(0, 200))}`,
    };
  if (/not synchroni[sz]ed/i.test(leap))
    return { known: false, source, why: 'chrony is not synchronised with any source' };
  const offset = Math.abs(last) > Math.abs(remaining) ? last : -remaining;
  return { known: true, source: `chrony (${fields[1] || fields[0]})`, offsetMs: offset * 1000 };
}

/** `timedatectl timesync-status` (systemd-timesyncd): `Offset: +1.274ms`, once a server has answered. */
export function readTimesyncd(text: string): ClockReading {
  const source = 'systemd-timesyncd';
  const written = /^\s*Offset:\s*(.+)$/m.exec(text)?.[1];
  if (written === undefined)
    return { known: false, source, why: 'systemd-timesyncd has no answer from any server yet' };
  const offsetMs = parseTimespan(written);
  if (offsetMs === null)
    return {
      known: false,
      source,
      why: `systemd-timesyncd says something that cannot be read: ${JSON.stringify(written)}`,
    };
  return { known: true, source, offsetMs };
}

/** systemd.time(7), as programs write it. */
const SPAN_MS: Record<string, number> = {
  us: 0.001,
  ms: 1,
  s: 1_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
  month: 30.44 * 86_400_000,
  y: 365.25 * 86_400_000,
};

function parseTimespan(text: string): number | null {
  const [, sign, rest] = /^([+-]?)(.*)$/.exec(text.trim()) ?? [];
  const parts = (rest ?? '').trim().split(/\s+/);
  let total = 0;
  for (const part of parts) {
    const [, count, unit] = /^(\d+(?:\.\d+)?)([a-zµ]+)$/.exec(part) ?? [];
    const factor = SPAN_MS[(unit ?? '').replace('µ', 'u').replace(/^months$/, 'month')];
    if (count === undefined || factor === undefined) {
      if (parts.length === 1 && part === '0') return 0;
      return null;
    }
    total += Number(count) * factor;
  }
  return sign === '-' ? -total : total;
}

/** `ntpq -c "rv 0 leap,offset"`: `leap=00, offset=-0.123` in milliseconds; leap 11 is an alarm. */
export function readNtp(text: string): ClockReading {
  const source = 'ntpd';
  const leap = /\bleap=(\d\d)/.exec(text)?.[1];
  const offset = /\boffset=([+-]?\d+(?:\.\d+)?)/.exec(text)?.[1];
  if (leap === '11') return { known: false, source, why: 'ntpd is not synchronised with any source' };
  if (leap === undefined || offset === undefined)
    return {
      known: false,
      source,
      why: `ntpd says something that cannot be read: ${JSON.stringify(text.slice(0, 200))}`,
    };
  // ntpd gives the offset of the source from this clock.
  return { known: true, source, offsetMs: -Number(offset) };
}
