import { shortDigest } from '@tidemark/shared/base/digest.ts';
import type { ClusterReport, DriftEntry, DriftGroup, DriftReport } from '../../api/contract/fingerprints.ts';
import { noPaint, type Paint } from '../output/colour.ts';
import { plain } from '../output/sanitise.ts';
import { table } from '../output/table.ts';
import { moment } from '../output/time.ts';

export interface DriftViewOptions {
  paint?: Paint;
  /** Whole digests instead of their first twelve digits. */
  wide?: boolean;
  /** Every file; else the first {@link SHOWN_FILES} of a cause. */
  files?: boolean;
}

/** What one look at a cause shows; "--files" shows all. */
const SHOWN_FILES = 10;

/** Differences that are as they should be: said, and shown only when asked for. */
export const EXPECTED: ReadonlySet<string> = new Set(['config-expected', 'generated']);

/** A drift report for people: the answer, then the causes with their counts, then the first files of each. */
export function driftLines(report: DriftReport, options: DriftViewOptions = {}): string[] {
  return [
    againstText(report),
    (options.paint ?? noPaint)(report.identical ? 'good' : 'warning', plain(report.sentence)),
    ...groupLines(report.groups, options),
  ];
}

/** A cluster's, the same member by member. */
export function clusterLines(report: ClusterReport, options: DriftViewOptions = {}): string[] {
  const paint = options.paint ?? noPaint;
  return [
    `cluster ${plain(report.cluster)}: ${report.members.map(member => `${plain(member.host)} (scanned ${moment(member.scannedAt)})`).join(', ')}`,
    paint(report.identical ? 'good' : 'warning', plain(report.sentence)),
    ...report.outliers.flatMap(({ host, groups }) => [
      '',
      paint('strong', plain(host)),
      ...groupLines(groups, options),
    ]),
  ];
}

/** `db02 (scanned ...) against db01 (scanned ...)` */
export function againstText(report: DriftReport): string {
  const against = report.against === 'signatures' ? 'what its products should be' : plain(report.against);
  const other = report.againstScannedAt === null ? '' : ` (scanned ${moment(report.againstScannedAt)})`;
  return `${plain(report.host)} (scanned ${moment(report.scannedAt)}) against ${against}${other}`;
}

/** `files of a release are missing — missing-packaged, orders-db, 3 files` */
export const groupTitle = ({ cause, class: kind, product, entries }: DriftGroup): string =>
  `${plain(cause)} — ${kind}${product === null ? '' : `, ${plain(product)}`}, ${entries.length} ${entries.length === 1 ? 'file' : 'files'}`;

function groupLines(groups: readonly DriftGroup[], options: DriftViewOptions): string[] {
  if (groups.length === 0) return [];
  const shown = options.files ? groups : groups.filter(({ class: kind }) => !EXPECTED.has(kind));
  return ['', ...summaryTable(groups), ...shown.flatMap(group => ['', ...filesOf(group, options)])];
}

/** Who is tired reads this far. */
const summaryTable = (groups: readonly DriftGroup[]): string[] =>
  table(
    [
      { title: 'FILES', value: ({ entries }) => String(entries.length) },
      { title: 'PRODUCT', value: ({ product }) => product },
      { title: 'CLASS', value: ({ class: kind }) => kind },
      { title: 'CAUSE', value: ({ cause, entries }) => `${cause}${waivedText(entries)}` },
    ],
    groups,
  ).map(line => `  ${line}`);

/** ` (2 waived)`; nothing where none is. */
export function waivedText(entries: readonly DriftEntry[]): string {
  const waived = entries.filter(({ waiver }) => waiver !== undefined).length;
  return waived === 0 ? '' : ` (${waived === entries.length ? 'all' : waived} waived)`;
}

function filesOf(group: DriftGroup, { paint = noPaint, wide, files }: DriftViewOptions): string[] {
  const shown = files ? group.entries : group.entries.slice(0, SHOWN_FILES);
  const left = group.entries.length - shown.length;
  const [cause, ...rest] = groupTitle(group).split(' — ');
  // What holds of all of them is said once.
  const notes = new Set(shown.map(({ note }) => note).filter(note => note !== ''));
  const [common] = notes.size === 1 && shown.length > 1 ? notes : [];
  return [
    `${paint('strong', cause ?? '')} — ${rest.join(' — ')}`,
    ...(common === undefined ? [] : [`  ${plain(common)}`]),
    ...entryTable(shown, wide ?? false, common === undefined && notes.size > 0).map(line => `  ${line}`),
    ...(left > 0 ? [`  and ${left} more: --files lists all`] : []),
  ];
}

function entryTable(entries: readonly DriftEntry[], wide: boolean, notes: boolean): string[] {
  const digest = (value: string | null) =>
    value === null ? 'nothing' : wide || !value.startsWith('sha256:') ? value : shortDigest(value);
  return table(
    [
      { title: 'PATH', value: entry => entry.path },
      { title: 'EXPECTED', value: entry => digest(entry.expected) },
      { title: 'FOUND', value: entry => digest(entry.found) },
      ...(notes ? [{ title: 'WHY', value: (entry: DriftEntry) => entry.note }] : []),
    ],
    entries,
  );
}
