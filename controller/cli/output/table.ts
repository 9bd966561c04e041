import { plain } from './sanitise.ts';
import { cut, padEnd, widthOf } from './width.ts';

export interface Column<T> {
  title: string;
  /** Null and empty are shown as a dash. */
  value: (row: T) => string | number | boolean | null | undefined;
  /** Only with `-o wide`. */
  wide?: true;
}

const GAP = '  ';

/** Rows under their titles, as lines. The last column is not padded; nothing is cut unless `maxWidth` is given. */
export function table<T>(columns: readonly Column<T>[], rows: readonly T[], maxWidth?: number): string[] {
  const cells = rows.map(row => columns.map(column => cell(column.value(row))));
  const grid = [columns.map(column => column.title), ...cells];
  const widths = columns.map((_, index) => Math.max(...grid.map(line => widthOf(line[index] ?? ''))));
  return grid.map(line => {
    const text = line
      .map((value, index) => (index === line.length - 1 ? value : padEnd(value, widths[index] ?? 0)))
      .join(GAP);
    return maxWidth === undefined ? text : cut(text, maxWidth);
  });
}

function cell(value: string | number | boolean | null | undefined): string {
  if (value === null || value === undefined || value === '') return '-';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return plain(String(value)) || '-';
}

/** `name: value` lines with the values aligned. */
export function fields(pairs: readonly (readonly [string, string | number | boolean | null | undefined])[]): string[] {
  const width = Math.max(0, ...pairs.map(([name]) => name.length)) + 1;
  return pairs.map(([name, value]) => `${padEnd(`${name}:`, width)} ${cell(value)}`);
}
