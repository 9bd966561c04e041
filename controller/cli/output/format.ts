import { stringify } from 'yaml';
import type { Io } from '../io.ts';
import { type Column, table } from './table.ts';

export const FORMATS = ['table', 'wide', 'json', 'yaml', 'jsonl', 'name'] as const;
export type Format = (typeof FORMATS)[number];

export interface Listing<T> {
  rows: readonly T[];
  columns: readonly Column<T>[];
  /** What `-o name` prints of a row. */
  name: (row: T) => string;
  /** What people are told where there is nothing. */
  empty: string;
}

/** Prints a list in the format that was asked for. For programs the rows are exactly what the API gave. */
export function printListing<T>(io: Io, format: Format, listing: Listing<T>): void {
  if (isData(format)) {
    io.out(dataText(format, listing.rows));
  } else if (format === 'name') {
    for (const row of listing.rows) io.out(`${escapeControls(listing.name(row))}\n`);
  } else if (listing.rows.length === 0) {
    io.err(`${listing.empty}\n`);
  } else {
    const columns = listing.columns.filter(column => format === 'wide' || !column.wide);
    for (const line of table(columns, listing.rows)) io.out(`${line}\n`);
  }
}

/** Prints one thing: as data, or as the lines that people read. */
export function printOne(io: Io, format: Format, value: unknown, name: string, lines: () => readonly string[]): void {
  if (isData(format)) io.out(dataText(format, value));
  else if (format === 'name') io.out(`${escapeControls(name)}\n`);
  else for (const line of lines()) io.out(`${line}\n`);
}

type DataFormat = 'json' | 'yaml' | 'jsonl';
const isData = (format: Format): format is DataFormat => format === 'json' || format === 'yaml' || format === 'jsonl';

function dataText(format: DataFormat, value: unknown): string {
  if (format === 'yaml') return escapeControls(stringify(value, { aliasDuplicateObjects: false }));
  if (format === 'json') return `${escapeControls(JSON.stringify(value, null, 2))}\n`;
  return (Array.isArray(value) ? value : [value]).map(row => `${escapeControls(JSON.stringify(row))}\n`).join('');
}

/** Data stays what it is: JSON has escaped most controls already; what it leaves is written as `\uXXXX`. */
export const escapeControls = (text: string): string =>
  text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what is looked for
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
