import type { ClusterReport, DriftGroup, DriftReport } from '../../api/contract/fingerprints.ts';

const COLUMNS = [
  'host',
  'against',
  'class',
  'product',
  'plane',
  'path',
  'expected',
  'found',
  'waiver',
  'note',
] as const;

/** A line a difference, RFC 4180, for spreadsheets. */
export const driftCsv = (report: DriftReport): string => csv(rowsOf(report.host, report.against, report.groups));

export const clusterCsv = (report: ClusterReport): string =>
  csv(report.outliers.flatMap(({ host, groups }) => rowsOf(host, `cluster ${report.cluster}`, groups)));

type Row = Record<(typeof COLUMNS)[number], string>;

const rowsOf = (host: string, against: string, groups: readonly DriftGroup[]): Row[] =>
  groups.flatMap(({ entries }) =>
    entries.map(({ class: kind, product, plane, path, expected, found, waiver, note }) => ({
      ...{ host, against, class: kind, product: product ?? '', plane, path },
      ...{ expected: expected ?? '', found: found ?? '', waiver: waiver ?? '', note },
    })),
  );

const csv = (rows: readonly Row[]): string =>
  [COLUMNS.join(','), ...rows.map(row => COLUMNS.map(column => field(row[column])).join(','))]
    .map(line => `${line}\r\n`)
    .join('');

/** A text that a spreadsheet would take for a formula is written as text: names of files come from servers. */
function field(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) || safe !== text ? `"${safe.replaceAll('"', '""')}"` : safe;
}
