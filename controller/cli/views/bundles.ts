import type { Bundle, BundleOutlook, Ring } from '../../api/contract/releases.ts';
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

export const bundlesListing = (rows: readonly Bundle[]): Listing<Bundle> => ({
  rows,
  columns: [
    { title: 'NAME', value: row => row.name },
    { title: 'RING', value: row => row.ring },
    { title: 'STATE', value: row => (row.withdrawn ? 'withdrawn' : row.held ? 'held' : 'in use') },
    { title: 'RELEASES', value: row => row.releases.map(one => `${one.product}@${one.version}`).join(', ') },
    { title: 'PACKAGES', value: row => row.packages.length },
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
