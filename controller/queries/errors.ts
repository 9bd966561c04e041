import type { ConditionError } from '@tidemark/shared/conditions/cel.ts';

export interface QueryError {
  code:
    | 'query-invalid'
    | 'query-unknown'
    | 'query-too-costly'
    | 'group-unknown'
    | 'group-invalid'
    | 'group-in-use'
    | 'host-unknown';
  message: string;
  details?: { message: string; line: number; column: number }[];
}

/** A condition that cannot be read: with the place in it, and the line that it is in with a mark below. */
export function invalidQuery(text: string, { message, offset }: ConditionError, what = 'the query'): QueryError {
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  const column = offset - (before.lastIndexOf('\n') + 1) + 1;
  const shown = text.split('\n')[line - 1] ?? '';
  const mark = shown.length <= MOST_SHOWN ? `\n  ${shown}\n  ${' '.repeat(column - 1)}^` : '';
  return {
    code: 'query-invalid',
    message: `${what} cannot be used, at column ${column}: ${message}${mark}`,
    details: [{ message, line, column }],
  };
}

/** Longer lines would break in a terminal, and the mark stand below something else. */
const MOST_SHOWN = 110;
