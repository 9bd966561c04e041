import { z } from 'zod';

const UNITS_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION = /^(\d{1,9})(ms|s|m|h|d)$/;
/** A week: longer than any window, short enough that a forgotten unit is found. */
const MAX_DURATION_MS = 7 * 86_400_000;

/** `90s`, `4h`; milliseconds afterwards. */
export const Duration = z.string().transform((text, context) => {
  const [, count, unit] = DURATION.exec(text) ?? [];
  const ms = Number(count) * (UNITS_MS[unit ?? ''] ?? Number.NaN);
  if (Number.isSafeInteger(ms) && ms <= MAX_DURATION_MS) return ms;
  context.addIssue({ code: 'custom', message: `"${text}" is no duration: write one like 30s, 20m or 4h, at most 7d` });
  return z.NEVER;
});

const UNITS_BYTES: Record<string, number> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/** `500MB`, `2GiB`; bytes afterwards. */
export const Size = z.string().transform((text, context) => {
  const [, count, unit] = /^(\d{1,9})(B|KB|MB|GB|KiB|MiB|GiB)$/.exec(text) ?? [];
  const bytes = Number(count) * (UNITS_BYTES[unit ?? ''] ?? Number.NaN);
  if (Number.isSafeInteger(bytes)) return bytes;
  context.addIssue({ code: 'custom', message: `"${text}" is no size: write one like 500MB or 2GiB` });
  return z.NEVER;
});

/** How many hosts must stay in service: a count, or a share of all. */
export type MinInService = { count: number } | { share: number };

/** `50%`. */
export const Share = z
  .string()
  .regex(/^(100|\d{1,2})%$/, 'must be a count like 2 or a share like 50%')
  .transform(text => ({ share: Number(text.slice(0, -1)) / 100 }));

/** `2` or `50%`. */
export const MinInServiceValue = z.union([
  z
    .int()
    .min(0)
    .transform((count): MinInService => ({ count })),
  Share,
]);

/** Of all, at least so many. The rounding keeps 7 % of 100 from becoming 8 by the last bit of a double. */
export const atLeast = (share: number, all: number): number => Math.ceil(Number((share * all).toFixed(6)));
/** Of all, at most so many. */
export const atMost = (share: number, all: number): number => Math.floor(Number((share * all).toFixed(6)));

/** `4 min`, `1 h 5 min`: for messages. */
export function durationText(ms: number): string {
  if (ms < 60_000) return `${Math.ceil(ms / 1000)} s`;
  const minutes = Math.ceil(ms / 60_000);
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  if (hours === 0) return `${rest} min`;
  return rest === 0 ? `${hours} h` : `${hours} h ${rest} min`;
}
