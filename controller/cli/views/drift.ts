import { shortDigest } from '@tidemark/shared/base/digest.ts';
import type { DriftEntry, DriftReport, Identification } from '../../api/contract/fingerprints.ts';
import { noPaint, type Paint } from '../output/colour.ts';
import { plain } from '../output/sanitise.ts';
import { table } from '../output/table.ts';
import { moment } from '../output/time.ts';

export interface DriftViewOptions {
  paint?: Paint;
  /** Whole digests instead of their first twelve digits. */
  wide?: boolean;
}

/** A drift report for people: the answer, then by cause and product each file with what was expected and found. */
export function driftLines(report: DriftReport, options: DriftViewOptions = {}): string[] {
  const paint = options.paint ?? noPaint;
  const against = report.against === 'signatures' ? 'what its products should be' : plain(report.against);
  const other = report.againstScannedAt === null ? '' : ` (scanned ${moment(report.againstScannedAt)})`;
  return [
    `${plain(report.host)} (scanned ${moment(report.scannedAt)}) against ${against}${other}`,
    paint(report.identical ? 'good' : 'warning', plain(report.sentence)),
    ...report.groups.flatMap(group => [
      '',
      `${paint('strong', plain(group.cause))} — ${group.class}, ${group.product === null ? 'no product' : plain(group.product)}, ${group.entries.length} ${group.entries.length === 1 ? 'file' : 'files'}`,
      ...entryTable(group.entries, options.wide ?? false).map(line => `  ${line}`),
    ]),
  ];
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
