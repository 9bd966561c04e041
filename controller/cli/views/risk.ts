import type { AdvisoriesImported, Advisory, BundleEffect, HostRisk, Standing } from '../../api/contract/risk.ts';
import type { Listing } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { fields, table } from '../output/table.ts';
import { moment } from '../output/time.ts';

/** What needs somebody first. */
const ORDER: readonly Standing['state'][] = ['affected', 'planned', 'unknown', 'patched'];

export const standingsListing = (rows: readonly Standing[]): Listing<Standing> => ({
  rows: rows.toSorted((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state)),
  columns: [
    { title: 'HOST', value: row => row.host },
    { title: 'STATE', value: row => row.state },
    { title: 'PLAN', value: row => row.plan && (row.plan.run ?? row.plan.digest.slice(0, 19)) },
    { title: 'EVIDENCE', value: row => row.evidence[0] },
    { title: 'MORE', value: row => row.evidence.slice(1).join('; '), wide: true },
  ],
  name: row => row.host,
  empty: 'No host has a package that it speaks of.',
});

export function standingLines(advisories: readonly Advisory[], hosts: readonly Standing[]): string[] {
  const counts = ORDER.map(state => [state, hosts.filter(host => host.state === state).length] as const);
  const said = advisories.map(
    ({ id, severity, withdrawn }) =>
      `${plain(id)}${severity.score === null ? '' : ` (${severity.score})`}${withdrawn === null ? '' : ', withdrawn: it counts for nothing'}`,
  );
  return [`By ${said.join(', ')}: ${counts.map(([state, count]) => `${count} ${state}`).join(', ')}.`];
}

export function importedLines(source: string, done: AdvisoriesImported): string[] {
  const { advisories, unchanged, withdrawn, knownUses, probabilities, leftOut } = done;
  const more = [
    withdrawn > 0 ? `${withdrawn} of them withdrawn` : '',
    unchanged > 0 ? `${unchanged} known already` : '',
    knownUses > 0 ? `${knownUses} known to be used` : '',
    probabilities > 0 ? `${probabilities} probabilities` : '',
  ].filter(text => text !== '');
  const out = Object.entries(leftOut).sort(([, a], [, b]) => b - a);
  return [
    `Imported ${plain(source)}: ${advisories} advisor${advisories === 1 ? 'y' : 'ies'}${more.map(text => `, ${text}`).join('')}.`,
    ...(out.length > 0
      ? [
          `Left out, since their ecosystems are not known here: ${out
            .map(([name, count]) => `${plain(name)} (${count})`)
            .slice(0, 10)
            .join(', ')}.`,
        ]
      : []),
  ];
}

export function advisoryLines({ id, aliases, summary, severity, modified, withdrawn, affected }: Advisory): string[] {
  return [
    ...fields([
      ['advisory', id],
      ['also', aliases.join(', ')],
      ['about', summary],
      ['severity', severity.score === null ? severity.from : `${severity.score} (${severity.from})`],
      ['modified', moment(modified)],
      ['withdrawn', withdrawn === null ? null : moment(withdrawn)],
    ]),
    '',
    ...table(
      [
        { title: 'ECOSYSTEM', value: row => row.ecosystem },
        { title: 'PACKAGE', value: row => row.name },
        { title: 'AFFECTED', value: row => [...row.ranges.map(rangeText), ...row.versions.slice(0, 5)].join('; ') },
      ],
      affected,
    ),
  ];
}

function rangeText({ introduced, fixed, lastAffected }: Advisory['affected'][number]['ranges'][number]): string {
  const from = introduced === null ? '' : `from ${introduced} `;
  if (fixed !== null) return `${from}before ${fixed}`;
  return lastAffected === null ? `${from || 'all '}not fixed yet` : `${from}up to ${lastAffected}`;
}

export const risksListing = (rows: readonly HostRisk[]): Listing<HostRisk> => ({
  rows,
  columns: [
    { title: 'HOST', value: row => row.host },
    { title: 'RISK', value: row => (row.unknown === null ? row.score : 'unknown') },
    { title: 'ADVISORIES', value: row => row.findings.length },
    { title: 'WORST', value: row => row.findings[0] && `${nameOf(row.findings[0])} (${row.findings[0].score.value})` },
    { title: 'WHY UNKNOWN', value: row => row.unknown, wide: true },
  ],
  name: row => row.host,
  empty: 'No host is known.',
});

const nameOf = ({ advisory, cves }: HostRisk['findings'][number]): string => cves[0] ?? advisory;

/** Each weakness with its arithmetic. */
export function hostRiskLines({ host, score, findings, unknown }: HostRisk): string[] {
  if (unknown !== null) return [`The risk of ${plain(host)} is not known: ${plain(unknown)}.`];
  const sum = 'the worst whole, and each further one a half of what the one before it counted';
  return [
    `${plain(host)}: ${score} from ${findings.length} advisor${findings.length === 1 ? 'y' : 'ies'} (${sum})`,
    ...findings.flatMap(finding => {
      const { value, severity, exploitation, importance, exposure } = finding.score;
      const factors = [severity, exploitation, importance, exposure];
      const names = ['severity', 'exploitation', 'importance', 'exposure'];
      return [
        '',
        `${plain(nameOf(finding))}${finding.isUnsure ? ' (perhaps)' : ''}: ${factors.map(factor => factor.value).join(' x ')} = ${value}`,
        `  ${finding.packages.map(plain).join(', ')}; ${finding.fixed === null ? 'not fixed yet' : `fixed in ${plain(finding.fixed)}`}`,
        ...factors.map((factor, index) => `  ${names[index]} ${factor.value}: ${plain(factor.because)}`),
      ];
    }),
  ];
}

export function bundleLines({ bundle, hosts, removed }: BundleEffect): string[] {
  if (hosts.length === 0)
    return [
      `Bundle ${plain(bundle)} changes nothing: no host has something of it in an older version that is affected.`,
    ];
  return [
    `Bundle ${plain(bundle)} removes ${removed.length} weakness${removed.length === 1 ? '' : 'es'} from ${hosts.length} host${hosts.length === 1 ? '' : 's'}:`,
    ...removed.slice(0, 20).map(({ name, hosts: count }) => `  ${plain(name)} on ${count}`),
    ...(removed.length > 20 ? [`  and ${removed.length - 20} more`] : []),
    '',
    ...table(
      [
        { title: 'HOST', value: row => row.host },
        { title: 'RISK NOW', value: row => row.before },
        { title: 'THEN', value: row => row.after },
        { title: 'REMOVED', value: row => row.removed.length },
        { title: 'LEFT', value: row => row.left },
      ],
      hosts,
    ),
  ];
}
