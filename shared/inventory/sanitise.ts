import type { Json } from '../base/canonical-json.ts';

/*
 * What programs on servers print may hold anything. Before it is digested it is made fit to be kept and shown: no
 * control sequences for terminals, no marks that turn text around, nothing that a database cannot hold, nothing deeper
 * than a person would write. What is fit already stays as it is, so that whoever receives it can tell.
 */

/** C0 without tab and line feed, DEL, C1, line and paragraph separators, marks of direction. */
const UNFIT =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Of a value within values: what lies deeper is nobody's fact. */
const MAX_DEPTH = 16;

export const sanitiseText = (text: string): string => text.toWellFormed().replace(UNFIT, '\uFFFD');

/** A value that JSON can say, fit to be kept. Numbers that are none become null, and so does what is too deep. */
export function sanitiseJson(value: unknown, depth = 0): Json {
  if (typeof value === 'string') return sanitiseText(value);
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'object' || value === null || depth >= MAX_DEPTH) return null;
  if (Array.isArray(value)) return value.map(item => sanitiseJson(item, depth + 1));
  // fromEntries defines members, so that one named __proto__ is a member like any other.
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([key, member]) => [sanitiseText(key), sanitiseJson(member, depth + 1)]),
  );
}
