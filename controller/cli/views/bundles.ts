import type { Bundle, BundleOutlook, Ring, Rollout } from '../../api/contract/releases.ts';
import type { Listing } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { fields, table } from '../output/table.ts';
import { bytes, duration, moment } from '../output/time.ts';

const said = ({ by, reason, at }: NonNullable<Bundle['held']>): string => `by ${by} at ${moment(at)}: ${reason}`;

export const bundleLines = (bundle: Bundle): string[] => [
  ...fields([
    ['bundle', bundle.name],
    ['ring', `${bundle.ring}, since ${moment(bundle.ringSince)}`],
    ...(bundle.held ? [['held', said(bundle.held)] as const] : []),
    ...(bundle.withdrawn ? [['withdrawn', said(bundle.withdrawn)] as const] : []),
    ...(bundle.advisories.length > 0 ? [['answers', bundle.advisories.join(', ')] as const] : []),
    ['digest', bundle.digest],
    ['made', `${moment(bundle.createdAt)} by ${bundle.createdBy}`],
  ]),
  '',
  ...table(
    [
      { title: 'PRODUCT', value: release => release.product },
      { title: 'VERSION', value: release => release.version },
      { title: 'SIZE', value: release => bytes(release.bytes) },
      { title: 'ARCHIVE', value: release => release.artifact },
    ],
    bundle.releases,
  ),
  ...(bundle.packages.length === 0
    ? []
    : [
        '',
        ...table(
          [
            { title: 'FAMILY', value: each => each.family ?? 'dpkg' },
            { title: 'PACKAGE', value: each => each.name },
            { title: 'VERSION', value: each => each.version },
            { title: 'ARCHITECTURE', value: each => each.architecture },
            { title: 'ANSWERS', value: each => each.advisories?.join(', ') ?? '' },
            { title: 'SOURCE', value: each => each.source ?? '' },
            { title: 'SHA-256', value: each => each.sha256 },
          ],
          bundle.packages,
        ),
      ]),
];

/** What it needs to go on. */
export const outlookLines = ({ bundle, next }: BundleOutlook): string[] => {
  if (!next) return [`${plain(bundle.name)} is in the last ring.`];
  const unmet = next.needs.filter(need => !need.met).length;
  if (unmet === 0) {
    return [`It may go on: tidemark bundle promote ${plain(bundle.name)} --to ${plain(next.ring)}`, ...needLines(next)];
  }
  return [`To enter ${plain(next.ring)} it needs:`, ...needLines(next)];
};

const needLines = ({ needs }: NonNullable<BundleOutlook['next']>): string[] =>
  needs.map(({ met, text }) => `  ${met ? 'yes' : 'no '}  ${plain(text)}`);

const WORDS = { missing: 'missing', partly: 'in part', deployed: 'deployed', overtaken: 'overtaken' } as const;

/** A line for each cluster, and each server without one: how many of its members have which bundle. */
export function rolloutLines({ bundles, cells, passedOver }: Rollout): string[] {
  if (bundles.length === 0) return ['There is no bundle.'];
  if (cells.length === 0) return ['No server is known to have a product of these bundles: has anything been scanned?'];
  const groups = [...Map.groupBy(cells, ({ cluster, host }) => cluster ?? host)].sort(([a], [b]) => (a < b ? -1 : 1));
  const lacking = cells.filter(({ lacks }) => lacks.length > 0);
  return [
    ...table(
      [
        { title: 'CLUSTER OR HOST', value: ([name]) => name },
        ...bundles.map(bundle => ({
          title: `${bundle.name} (${bundle.withdrawn ? 'withdrawn' : bundle.held ? 'held' : bundle.ring})`,
          value: ([, own]: (typeof groups)[number]) => shareWords(own.filter(cell => cell.bundle === bundle.name)),
        })),
      ],
      groups,
    ),
    ...(lacking.length === 0 ? [] : ['', ...table(LACKS, lacking)]),
    ...unansweredLines(lacking),
    ...passedOver.flatMap(({ host, bundle, newer, lacks }) => [
      '',
      `${plain(host)} was passed over: it has ${plain(newer)} and lacks of ${plain(bundle)}: ${lacks.map(plain).join(', ')}`,
    ]),
  ];
}

/** Which advisories are open where, as far as bundles say which package answers which. */
function unansweredLines(cells: Rollout['cells']): string[] {
  const open = cells.flatMap(({ host, unanswered }) => unanswered.map(advisory => ({ advisory, host })));
  if (open.length === 0) return [];
  const byAdvisory = [...Map.groupBy(open, ({ advisory }) => advisory)].sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    '',
    ...table(
      [
        { title: 'NOT ANSWERED', value: ([advisory]) => advisory },
        { title: 'ON', value: ([, on]) => listed([...new Set(on.map(({ host }) => host))]) },
      ],
      byAdvisory,
    ),
  ];
}

const LACKS = [
  { title: 'HOST', value: (cell: Rollout['cells'][number]) => cell.host },
  { title: 'BUNDLE', value: (cell: Rollout['cells'][number]) => cell.bundle },
  { title: 'STATE', value: (cell: Rollout['cells'][number]) => WORDS[cell.state] },
  { title: 'LACKS', value: (cell: Rollout['cells'][number]) => listed(cell.lacks) },
  {
    title: 'BY',
    value: (cell: Rollout['cells'][number]) => (cell.byFiles ? 'files' : 'package database'),
  },
];

const LISTED = 3;
const listed = (texts: readonly string[]): string =>
  texts.length <= LISTED ? texts.join('; ') : `${texts.slice(0, LISTED).join('; ')}; ${texts.length - LISTED} more`;

/** `2/2`, `1/2 (1 in part)`; nothing where the bundle concerns none of them. */
function shareWords(cells: Rollout['cells']): string {
  if (cells.length === 0) return '';
  const count = (state: Rollout['cells'][number]['state']) => cells.filter(cell => cell.state === state).length;
  const notes = [
    [count('overtaken'), 'newer'],
    [count('partly'), 'in part'],
  ] as const;
  const said = notes.filter(([number]) => number > 0).map(([number, word]) => `${number} ${word}`);
  return `${count('deployed')}/${cells.length}${said.length > 0 ? ` (${said.join(', ')})` : ''}`;
}

export const bundlesListing = (rows: readonly Bundle[]): Listing<Bundle> => ({
  rows,
  columns: [
    { title: 'NAME', value: row => row.name },
    { title: 'RING', value: row => row.ring },
    { title: 'STATE', value: row => (row.withdrawn ? 'withdrawn' : row.held ? 'held' : 'in use') },
    { title: 'RELEASES', value: row => row.releases.map(one => `${one.product}@${one.version}`).join(', ') },
    { title: 'PACKAGES', value: row => row.packages.length },
    { title: 'ANSWERS', value: row => listed(row.advisories), wide: true },
    { title: 'MADE', value: row => moment(row.createdAt) },
    { title: 'BY', value: row => row.createdBy, wide: true },
    { title: 'DIGEST', value: row => row.digest, wide: true },
  ],
  name: row => row.name,
  empty: 'There is no bundle: "tidemark bundle create" makes one.',
});

export const ringsListing = (rows: readonly Ring[]): Listing<Ring> => ({
  rows,
  columns: [
    { title: 'NAME', value: row => row.name },
    { title: 'AGE', value: ({ needs }) => (needs.ageMs === null ? '' : duration(needs.ageMs)) },
    { title: 'SERVERS', value: ({ needs }) => needs.hosts ?? '' },
    {
      title: 'PATCHED',
      value: ({ needs }) => (needs.successShare === null ? '' : `${Math.round(needs.successShare * 100)} %`),
    },
    { title: 'INCIDENTS', value: ({ needs }) => (needs.noOpenIncidents ? 'none open' : '') },
    {
      title: 'SIGNATURES',
      value: ({ needs: { signOff } }) =>
        signOff ? `${signOff.need}${signOff.from.length > 0 ? ` of ${signOff.from.join(', ')}` : ''}` : '',
    },
  ],
  name: row => row.name,
  empty: 'There is no ring.',
});
