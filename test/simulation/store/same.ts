import { inspect, isDeepStrictEqual } from 'node:util';

/* What two stores answered, and whether it is the same. */

export type Answer<T> = { value: T } | { error: unknown };

export const answerOf = (call: () => Promise<unknown>): Promise<Answer<unknown>> =>
  call().then(
    value => ({ value }),
    error => ({ error }),
  );

export function given<T>(answer: Answer<T>): T {
  if ('error' in answer) throw answer.error;
  return answer.value;
}

/** Numbers and ids that each store draws for itself. */
const OWN = new Set(['change', 'upTo', 'createdAtMs', 'request']);
/** Lists that are sets: their order means nothing to who asks. */
const SETS = new Set(['hosts', 'jobs']);

/** Null where both are the same, but for what may rightly differ. One sentence otherwise. */
export function differenceOf(mine: Answer<unknown>, other: Answer<unknown>, isSet: boolean): string | null {
  if ('error' in mine && 'error' in other) return null;
  const memory = 'error' in mine ? { rejected: String(mine.error) } : comparable(mine.value, isSet);
  const postgres = 'error' in other ? { rejected: messageOf(other.error) } : comparable(other.value, isSet);
  if (isDeepStrictEqual(memory, postgres)) return null;
  const where = placeOf(memory, postgres);
  const [here, there] = [at(memory, where), at(postgres, where)].map(shown);
  const place = where.length === 0 ? '' : `at ${where.join('.')} `;
  return `${place}memory says ${here}, PostgreSQL ${there}; all of it: memory ${shown(memory)}, PostgreSQL ${shown(postgres)}`;
}

/** One line, and not the whole fleet. */
export function shown(value: unknown): string {
  const text = inspect(value, { depth: 6, breakLength: Number.POSITIVE_INFINITY, compact: true });
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}

const SHOWN = 600;

function comparable(value: unknown, isSet = false): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [key, comparable(item)]));
  if (value instanceof Set) return comparable([...value], true);
  if (Array.isArray(value)) {
    const items = value.map(item => comparable(item));
    return isSet ? items.sort(byText) : items;
  }
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, item]) => item !== undefined && !OWN.has(name) && !(name === 'id' && typeof item === 'number'))
      .map(([name, item]) => [name, comparable(item, SETS.has(name))]),
  );
}

/** Those that are there have a host, a position or a text at their beginning, which tells them apart. */
const byText = (a: unknown, b: unknown): number => {
  const [left, right] = [JSON.stringify(a), JSON.stringify(b)];
  if (left === right) return 0;
  return left < right ? -1 : 1;
};

/** Where two values that differ do so first. */
function placeOf(a: unknown, b: unknown): string[] {
  if (!isRecord(a) || !isRecord(b)) return [];
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    if (!isDeepStrictEqual(a[key], b[key])) return [key, ...placeOf(a[key], b[key])];
  }
  return [];
}

const at = (value: unknown, place: readonly string[]): unknown =>
  place.reduce((part, key) => (isRecord(part) ? part[key] : undefined), value);

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** The driver's error says which statement it was, its cause why. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${messageOf(error.cause)}`;
}
