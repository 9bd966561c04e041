import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { CsvError, parse } from 'csv-parse/sync';

/** A million rows is another kind of file than an estate. */
const MAX_ROWS = 500_000;
/** A quote that nobody closes makes one field of the rest of the file. */
const MAX_RECORD_BYTES = 1024 * 1024;

export interface CsvRow {
  row: Record<string, string>;
  line: number;
}

/**
 * Rows of a CSV file by the names in its first line. Separated by commas, semicolons or tabs, as the first line says.
 * Why it is none, with the line.
 */
export function readCsv(text: string): Result<CsvRow[], string> {
  const source = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const header = source.slice(0, source.search(/\r|\n|$/));
  const delimiter = [';', '\t', ','].sort((a, b) => header.split(b).length - header.split(a).length)[0] as string;
  let names: string[] = [];
  try {
    const records = parse(source, {
      delimiter,
      columns: first => {
        names = first.map((name: string) => name.trim());
        return names;
      },
      info: true,
      skip_empty_lines: true,
      max_record_size: MAX_RECORD_BYTES,
      to: MAX_ROWS + 1,
    }) as unknown as { record: Record<string, string>; info: { lines: number } }[];
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) return err(`has the column "${twice}" twice: only one of them could count`);
    if (names.includes('__proto__')) return err('has a column "__proto__", which no column can be called');
    if (names.length === 0) return err('is empty');
    if (records.length > MAX_ROWS)
      return err(`has more than ${MAX_ROWS} rows: split it, or look whether it is the right file`);
    return ok(records.map(({ record, info }) => ({ row: record, line: info.lines })));
  } catch (error) {
    if (error instanceof CsvError) return err(`is no valid CSV: ${error.message}`);
    throw error;
  }
}
