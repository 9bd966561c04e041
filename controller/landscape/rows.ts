import { complaints } from '../documents/issues.ts';
import type { Conflict } from './conflicts.ts';
import { type LandscapeRecords, noRecords, type Origin, recordOf } from './records.ts';
import { type Section, sections } from './schema.ts';

/** One entry of a section as a source gave it, not looked at yet. */
export interface Row {
  section: Section;
  value: unknown;
  origin: Origin;
}

/** No attribute that somebody wants to select by nests like this; what looks at it recurses. */
const MAX_DEPTH = 16;

/** Rows that fit their section, and a conflict for each that does not: which, where, and what is wrong with it. */
export function recordsOfRows(rows: Iterable<Row>): { records: LandscapeRecords; problems: Conflict[] } {
  const records = noRecords();
  const problems: Conflict[] = [];
  for (const { section, value, origin } of rows) {
    const problem = take(records, section, value, origin);
    if (problem !== null)
      problems.push({
        kind: 'bad-record',
        subject: nameOf(value),
        message: `${origin}: ${problem}`,
        origins: [origin],
      });
  }
  return { records, problems };
}

function take<S extends Section>(records: LandscapeRecords, section: S, value: unknown, origin: Origin): string | null {
  if (isDeeper(value, MAX_DEPTH)) return `it nests more than ${MAX_DEPTH} levels deep`;
  const forbidden = forbiddenIn(value);
  if (forbidden !== null) return forbidden;
  const schema = sections[section];
  const parsed = schema.safeParse(value);
  if (!parsed.success)
    return complaints(schema, parsed.error.issues)
      .map(({ message }) => message)
      .join('; ');
  recordOf[section](records, parsed.data as never, origin);
  return null;
}

const nameOf = (value: unknown): string => {
  const name = (value as { name?: unknown } | null)?.name;
  return typeof name === 'string' ? name.slice(0, 128) : '';
};

/** Level by level: what recurses would end the stack on what this is there to find. */
function isDeeper(value: unknown, levels: number): boolean {
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > levels) return true;
    level = level.flatMap(one => (typeof one === 'object' && one !== null ? Object.values(one) : []));
  }
  return false;
}

/** What schemas pass over without a word, and neither programs that come later nor the database can hold. */
function forbiddenIn(value: unknown): string | null {
  const open = [value];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if (typeof one === 'string') {
      if (one.includes('\0') || !one.isWellFormed()) return 'it holds a NUL character or half of a surrogate pair';
      continue;
    }
    if (typeof one !== 'object' || one === null) continue;
    for (const [key, member] of Object.entries(one)) {
      if (key === '__proto__' || key === 'constructor' || key === 'prototype')
        return `it holds the key "${key}", which no record may have`;
      if (member !== undefined && member !== null) open.push(member);
    }
  }
  return null;
}
