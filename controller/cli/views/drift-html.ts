import { shortDigest } from '@tidemark/shared/base/digest.ts';
import type { ClusterReport, DriftEntry, DriftGroup, DriftReport } from '../../api/contract/fingerprints.ts';
import { plain } from '../output/sanitise.ts';
import { moment } from '../output/time.ts';
import { againstText, EXPECTED, groupTitle, waivedText } from './drift.ts';

/*
 * Reports as one page that needs nothing else: no script, no font, no picture from anywhere. Everything that came from a
 * server is text.
 */

const STYLE = `
:root { color-scheme: light dark; --line: #8888; --muted: #595959; --good: #1e6b34; --bad: #a3420d; }
@media (prefers-color-scheme: dark) { :root { --muted: #a8a8a8; --good: #7fd39a; --bad: #f0a070; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; } h3 { font-size: 1rem; }
.answer { font-size: 1.1rem; font-weight: 600; } .good { color: var(--good); } .bad { color: var(--bad); }
.kind, .expected { color: var(--muted); font-weight: 400; }
table { border-collapse: collapse; font-size: .85rem; }
table.files { table-layout: fixed; width: 100%; }
.files th:first-child { width: 42%; } .files th:nth-child(2), .files th:nth-child(3) { width: 14%; }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); }
td.count { text-align: right; font-variant-numeric: tabular-nums; }
td.path, td.digest { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
footer { margin-top: 2rem; color: var(--muted); font-size: .85rem; }
@media print { :root { color-scheme: light; --muted: #444; --good: #1e6b34; --bad: #a3420d; }
  body { margin: 0; max-width: none; font-size: 10pt; } h2, h3 { break-after: avoid; } tr { break-inside: avoid; }
  thead { display: table-header-group; } }
`;

export const driftHtml = (report: DriftReport): string =>
  page(`Drift of ${report.host}`, [
    `<h1>${text(againstText(report))}</h1>`,
    answer(report),
    ...(report.groups.length > 0 ? [summary(report.groups), ...report.groups.map(group => section(group, 'h2'))] : []),
  ]);

export const clusterHtml = (report: ClusterReport): string =>
  page(`Drift in cluster ${report.cluster}`, [
    `<h1>Cluster ${text(report.cluster)}</h1>`,
    `<p>${report.members.map(member => text(`${member.host} (scanned ${moment(member.scannedAt)})`)).join(', ')}</p>`,
    answer(report),
    ...report.outliers.flatMap(({ host, groups }) => [
      `<h2>${text(host)}</h2>`,
      summary(groups),
      ...groups.map(group => section(group, 'h3')),
    ]),
  ]);

const answer = ({ identical, sentence }: { identical: boolean; sentence: string }): string =>
  `<p class="answer ${identical ? 'good' : 'bad'}">${identical ? '&#10003;' : '&#9650;'} ${text(sentence)}</p>`;

/** Causes with their counts, before any file. */
const summary = (groups: readonly DriftGroup[]): string =>
  `<table><thead><tr><th scope="col">Files</th><th scope="col">Cause</th><th scope="col">Product</th><th scope="col">Class</th></tr></thead>
<tbody>${groups.map(summaryRow).join('\n')}</tbody></table>`;

const summaryRow = ({ entries, cause, product, class: kind }: DriftGroup): string =>
  `<tr${EXPECTED.has(kind) ? ' class="expected"' : ''}><td class="count">${entries.length}</td><td>${text(cause + waivedText(entries))}</td><td>${text(product ?? '-')}</td><td>${text(kind)}</td></tr>`;

const section = (group: DriftGroup, heading: 'h2' | 'h3'): string => {
  const [cause = '', ...rest] = groupTitle(group).split(' — ');
  return `<${heading}>${text(cause)} <span class="kind">${text(rest.join(' — '))}</span></${heading}>
<table class="files"><thead><tr><th scope="col">Path</th><th scope="col">Expected</th><th scope="col">Found</th><th scope="col">Why</th></tr></thead>
<tbody>${group.entries.map(row).join('\n')}</tbody></table>`;
};

const row = ({ path, expected, found, note }: DriftEntry): string =>
  `<tr><td class="path">${text(path)}</td>${content(expected)}${content(found)}<td>${text(note)}</td></tr>`;

/** As many digits as tell two contents apart; all of them where one points at it, and in CSV and JSON. */
function content(value: string | null): string {
  if (value === null) return '<td class="digest">nothing</td>';
  const short = value.startsWith('sha256:') ? shortDigest(value) : value;
  return `<td class="digest"${short === value ? '' : ` title="${text(value)}"`}>${text(short)}</td>`;
}

const page = (title: string, body: readonly string[]): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${text(title)}</title>
<style>${STYLE}</style>
</head>
<body>
${body.join('\n')}
<footer>Contents are shown by the first digits of their SHA-256; the CSV and JSON forms of this report have all of them.</footer>
</body>
</html>
`;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const text = (value: string): string => plain(value).replace(/[&<>"']/g, character => ENTITIES[character] ?? '');
