import { z } from 'zod';

/* Times and shares as people write them in documents. */

const UNITS_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION = /^(\d{1,9})(ms|s|m|h|d)$/;

/** `90s`, `4h`; milliseconds afterwards. Not above `days`, so that a forgotten unit is found. */
export const durationUpTo = (days: number) =>
  z.string().transform((text, context) => {
    const [, count, unit] = DURATION.exec(text) ?? [];
    const ms = Number(count) * (UNITS_MS[unit ?? ''] ?? Number.NaN);
    if (Number.isSafeInteger(ms) && ms <= days * 86_400_000) return ms;
    const message = `"${text}" is no duration: write one like 30s, 20m or 4h, at most ${days}d`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });

/** Longer than any window. */
export const Duration = durationUpTo(7);

/** `50%`. */
export const Share = z
  .string()
  .regex(/^(100|\d{1,2})%$/, 'must be a count like 2 or a share like 50%')
  .transform(text => ({ share: Number(text.slice(0, -1)) / 100 }));

/** `4 min`, `1 h 5 min`: for messages. */
export function durationText(ms: number): string {
  if (ms < 60_000) return `${Math.ceil(ms / 1000)} s`;
  const minutes = Math.ceil(ms / 60_000);
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  if (hours === 0) return `${rest} min`;
  return rest === 0 ? `${hours} h` : `${hours} h ${rest} min`;
}
