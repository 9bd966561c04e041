import { shortDigest } from '@tidemark/shared/base/digest.ts';
import type {
  ClusterReport,
  DriftEntry,
  DriftGroup,
  DriftReport,
  Identification,
} from '../../api/contract/fingerprints.ts';
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
const SHOWN_FILES = 20;

/** A drift report for people: the answer, then by cause and product the files with what was expected and found. */
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
  `${plain(cause)} — ${kind}, ${product === null ? 'no product' : plain(product)}, ${entries.length} ${entries.length === 1 ? 'file' : 'files'}`;

function groupLines(groups: readonly DriftGroup[], { paint = noPaint, wide, files }: DriftViewOptions): string[] {
  return groups.flatMap(group => {
    const shown = files ? group.entries : group.entries.slice(0, SHOWN_FILES);
    const left = group.entries.length - shown.length;
    const [cause, ...rest] = groupTitle(group).split(' — ');
    return [
      '',
      `${paint('strong', cause ?? '')} — ${rest.join(' — ')}`,
      ...entryTable(shown, wide ?? false).map(line => `  ${line}`),
      ...(left > 0 ? [`  and ${left} more: --files lists all`] : []),
    ];
  });
}

function entryTable(entries: readonly DriftEntry[], wide: boolean): string[] {
  const digest = (value: string | null) =>
    value === null ? 'nothing' : wide || !value.startsWith('sha256:') ? value : shortDigest(value);
  const notes = entries.some(entry => entry.note !== '');
  return table(
    [
      { title: 'CLASS', value: entry => entry.class },
      { title: 'PRODUCT', value: entry => entry.product },
      { title: 'PATH', value: entry => entry.path },
      { title: 'EXPECTED', value: entry => digest(entry.expected) },
      { title: 'FOUND', value: entry => digest(entry.found) },
      ...(notes ? [{ title: 'NOTE', value: (entry: DriftEntry) => entry.note }] : []),
    ],
    entries,
  );
}

/** What is deployed on a host, product by product. */
export function identificationLines(found: Identification, paint: Paint = noPaint): string[] {
  if (found.products.length === 0)
    return [`${plain(found.host)} (scanned ${moment(found.scannedAt)}): no known product was found on it`];
  return [
    `${plain(found.host)} (scanned ${moment(found.scannedAt)})`,
    ...found.products.flatMap(product => [
      `  ${paint(product.complete ? 'good' : 'warning', plain(verdictText(product)))}  ${plain(product.home)}`,
      ...product.exceptions.map(exception => `    ${plain(exception)}`),
      ...product.retained.map(release => `    beside it ${plain(release.directory)}: ${plain(release.sentence)}`),
    ]),
  ];
}

/** `orders-web 1.4.1, complete (37 files)`; where it is not complete, the sentence as it is. */
function verdictText({ product, complete, sentence }: Identification['products'][number]): string {
  const prefix = `${product}: `;
  return complete && sentence.startsWith(prefix) ? `${product} ${sentence.slice(prefix.length)}` : sentence;
}
