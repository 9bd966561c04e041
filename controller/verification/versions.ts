/** Whether version `a` comes before `b`: numbers in them by size, the rest by letter. For sentences and order only. */
export function isOlder(a: string, b: string): boolean {
  return compareVersions(a, b) < 0;
}

export function compareVersions(a: string, b: string): number {
  const left = a.match(PARTS) ?? [];
  const right = b.match(PARTS) ?? [];
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const [from = '', to = ''] = [left[at], right[at]];
    const order = /^\d/.test(from) && /^\d/.test(to) ? compareNumbers(from, to) : from < to ? -1 : from > to ? 1 : 0;
    if (order !== 0) return order;
  }
  return 0;
}

const PARTS = /\d+|[^\d.]+/g;

/** Of any length: build numbers are longer than a double. */
function compareNumbers(a: string, b: string): number {
  const order = BigInt(a) - BigInt(b);
  return order < 0n ? -1 : order > 0n ? 1 : 0;
}
