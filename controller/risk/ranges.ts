import { ORDERS, type OrderName } from '@tidemark/shared/versions/ecosystems.ts';
import type { Affected, Range } from './advisory.ts';

/** Null where the version cannot be compared with what the advisory says: then nobody knows. */
export function isAffected(version: string, { order, ranges, versions }: Affected): boolean | null {
  if (versions.includes(version)) return true;
  let answer: boolean | null = false;
  for (const range of ranges) {
    const inside = isInside(version, range, order);
    if (inside === true) return true;
    if (inside === null) answer = null;
  }
  return answer;
}

function isInside(version: string, { introduced, fixed, lastAffected }: Range, order: OrderName): boolean | null {
  const compare: (a: string, b: string) => number | null = ORDERS[order];
  const orders = [
    introduced === null ? 0 : compare(version, introduced),
    fixed === null ? -1 : compare(version, fixed),
    lastAffected === null ? 0 : compare(version, lastAffected),
  ] as const;
  const [fromFirst, toFixed, toLast] = orders;
  if ((fromFirst ?? 0) < 0 || (toFixed ?? -1) >= 0 || (toLast ?? 0) > 0) return false;
  return orders.includes(null) ? null : true;
}

/** The lowest version that is not affected any more and above this one; null where there is none yet. */
export function fixFor(version: string, { order, ranges }: Affected): string | null {
  const compare: (a: string, b: string) => number | null = ORDERS[order];
  const fixes = ranges.flatMap(range => (range.fixed !== null && isInside(version, range, order) ? [range.fixed] : []));
  return fixes.sort((a, b) => compare(a, b) ?? 0)[0] ?? null;
}

/** What cannot be true of a range, in words; null where it can. */
export function contradiction({ introduced, fixed, lastAffected }: Range, order: OrderName): string | null {
  const compare: (a: string, b: string) => number | null = ORDERS[order];
  if (fixed !== null && lastAffected !== null) return `it is fixed in ${fixed} and affected up to ${lastAffected}`;
  const end = fixed ?? lastAffected;
  if (introduced === null || end === null) return null;
  const span = compare(introduced, end);
  if (span === null) return `${order} cannot compare ${introduced} with ${end}`;
  if (fixed !== null && span >= 0) return `it begins in ${introduced} and is fixed before, in ${fixed}`;
  if (lastAffected !== null && span > 0) return `it begins in ${introduced} and ends before, in ${lastAffected}`;
  return null;
}
