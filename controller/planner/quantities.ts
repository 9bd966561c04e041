import { z } from 'zod';
import { Share } from '../documents/quantities.ts';

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
