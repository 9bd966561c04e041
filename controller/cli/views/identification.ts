import { compareDpkgVersions } from '@tidemark/shared/versions/dpkg.ts';
import type { Identification, Owner, VersionOnHost } from '../../api/contract/identification.ts';
import { noPaint, type Paint } from '../output/colour.ts';
import type { Listing } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import type { Column } from '../output/table.ts';
import { bytes, moment } from '../output/time.ts';

/** Lines of one kind that are shown; "--files" shows all. */
const SHOWN = 10;

/** What is on a host: how much of it is explained, then what is not as it should be, the rest as a count. */
export function identificationLines(found: Identification, { paint = noPaint, files = false } = {}): string[] {
  const { products, packages, libraryVersions } = found;
  const host = `${plain(found.host)} (scanned ${moment(found.scannedAt)})`;
  if (products.length === 0 && packages.length === 0 && libraryVersions === 0)
    return [`${host}: no known product was found on it`];
  const shown = (lines: string[]): string[] =>
    files || lines.length <= SHOWN
      ? lines
      : [...lines.slice(0, SHOWN), `    and ${lines.length - SHOWN} more: --files`];
  return [
    host,
    ...(libraryVersions > 0 ? [programsLine(found, paint)] : []),
    ...products.flatMap(product => [
      `  ${paint(product.complete ? 'good' : 'warning', plain(verdictText(product)))}  ${plain(product.home)}`,
      ...product.exceptions.map(exception => `    ${plain(exception)}`),
      ...product.retained.map(release => `    beside it ${plain(release.directory)}: ${plain(release.sentence)}`),
    ]),
    ...(found.packagesScannedAt === found.scannedAt || libraryVersions === 0
      ? []
      : [`  Of packages, as they were scanned ${moment(found.packagesScannedAt)}:`]),
    ...packageLines(found, paint, shown),
    ...listing(
      ['program of no known content', 'programs of no known content'],
      found.strays,
      shown,
      ({ path, sha256, peers }) => `${path}  sha256:${sha256}${peers > 0 ? `, as on ${peers} peers` : ''}`,
    ),
    ...listing(
      [
        'configuration file that was edited, which is no finding',
        'configuration files that were edited, which is no finding',
      ],
      found.edited,
      shown,
      path => path,
    ),
    ...listing(
      [
        'file that may be used otherwise than its package says',
        'files that may be used otherwise than their packages say',
      ],
      found.permissions,
      shown,
      each => `${each.path} (${each.product}): ${each.found}, not ${each.expected}`,
    ),
    ...(found.truncated ? ['  There are more files than were listed.'] : []),
    ...loadedLines(found, paint),
  ];
}

/** `99.8 % of 412.3 MB that can run is explained: 90.1 % by repositories, 9.7 % by operators` */
function programsLine({ programs, libraryVersions }: Identification, paint: Paint): string {
  const { bytes: all, explainedBytes, byTier } = programs;
  const share = (part: number) => (all === 0 ? '100 %' : `${(Math.floor((part / all) * 1000) / 10).toFixed(1)} %`);
  const parts = Object.entries(byTier).flatMap(([tier, part]) => (part > 0 ? [`${share(part)} ${tier}`] : []));
  const by = parts.length > 0 ? `: ${parts.join(', ')}` : '';
  const text = `  ${share(explainedBytes)} of ${bytes(all)} that can run is explained${by} (${libraryVersions} known versions)`;
  return paint(explainedBytes === all ? 'good' : 'warning', text);
}

function packageLines(
  { packages, unknown }: Identification,
  paint: Paint,
  shown: (lines: string[]) => string[],
): string[] {
  const plainly = packages.filter(({ state, unregistered }) => state === 'complete' && !unregistered);
  const others = packages.filter(each => !plainly.includes(each));
  return [
    ...(plainly.length > 0 ? [`  ${paint('good', counted(plainly.length, 'product'))} complete`] : []),
    ...others.flatMap(each => [
      `  ${paint('warning', plain(`${each.product}: ${each.sentence}`))}${each.tier === null ? '' : `  (${each.tier})`}`,
      ...shown(
        each.exceptions.map(
          ({ path, fate, versions }) =>
            `    ${fate}${versions.length > 0 ? ` ${plain(versions.join(' or '))}` : ''}: ${plain(path)}`,
        ),
      ),
      ...shown(each.diverted.map(({ path, to }) => `    diverted: ${plain(path)} lies at ${plain(to)}`)),
    ]),
    ...listing(
      ['registered package of which nothing is known', 'registered packages of which nothing is known'],
      unknown,
      shown,
      ({ name, version }) => `${name} ${version}`,
    ),
  ];
}

function loadedLines({ loaded, libraryVersions }: Identification, paint: Paint): string[] {
  if (!loaded) return libraryVersions > 0 ? ['  Its agent has not told what runs.'] : [];
  return [
    ...loaded.reboot.map(reason => `  ${paint('warning', `must be booted: ${plain(reason)}`)}`),
    ...loaded.restart.map(({ unit, processes, files, products }) => {
      const of = products.length > 0 ? ` of ${products.join(', ')}` : '';
      return `  ${paint('warning', plain(`restart ${unit} (${processes.join(', ')}): it runs what was replaced${of}: ${files.join(', ')}`))}`;
    }),
  ];
}

function listing<T>(
  [one, more]: readonly [one: string, more: string],
  of: readonly T[],
  shown: (lines: string[]) => string[],
  text: (each: T) => string,
): string[] {
  return of.length === 0
    ? []
    : [`  ${of.length} ${of.length === 1 ? one : more}:`, ...shown(of.map(each => `    ${plain(text(each))}`))];
}

const counted = (count: number, what: string): string => (count === 1 ? `1 ${what} is` : `${count} ${what}s are`);

/** `orders-web 1.4.1, complete (37 files)`; where it is not complete, the sentence as it is. */
function verdictText({ product, complete, sentence }: Identification['products'][number]): string {
  const prefix = `${product}: `;
  return complete && sentence.startsWith(prefix) ? `${product} ${sentence.slice(prefix.length)}` : sentence;
}

/** Columns for as many versions fit on a screen; what is on other versions says so in the column of the sentence. */
const VERSION_COLUMNS = 6;

/** The matrix of versions and hosts: a column for each version that is somewhere, the newest first. */
export function versionsListing(product: string, hosts: readonly VersionOnHost[]): Listing<VersionOnHost> {
  const versions = [...new Set(hosts.flatMap(host => shownVersions(host)))].sort(compareDpkgVersions).reverse();
  const columns = versions.slice(0, VERSION_COLUMNS).map(
    (version): Column<VersionOnHost> => ({
      title: version,
      value: host =>
        shownVersions(host).includes(version) ? (host.versions.length > 0 ? host.state : 'partial') : null,
    }),
  );
  return {
    rows: hosts,
    columns: [
      { title: 'HOST', value: ({ host }) => host },
      ...columns,
      { title: 'REGISTERED', value: ({ registered }) => registered },
      { title: 'TIER', value: ({ tier }) => tier },
      { title: 'SCANNED', value: ({ scannedAt }) => moment(scannedAt), wide: true },
      { title: 'WHAT', value: ({ sentence }) => sentence, wide: true },
    ],
    name: ({ host }) => host,
    empty: `${plain(product)} is on no host that was scanned.`,
  };
}

/** Those that fit, else the one that it is held against. */
const shownVersions = ({ versions, registered }: VersionOnHost): string[] =>
  versions.length > 0 ? versions : registered === null ? [] : [registered];

export const ownersListing = (owners: readonly Owner[], of: string): Listing<Owner> => ({
  rows: owners,
  columns: [
    { title: 'PRODUCT', value: ({ product }) => product },
    { title: 'VERSIONS', value: ({ versions }) => versions.join(', ') },
    { title: 'ARCHITECTURE', value: ({ architecture }) => architecture },
    { title: 'TIER', value: ({ tier }) => tier },
    { title: 'PATH', value: ({ path }) => path },
    { title: 'CONTENT', value: ({ sha256, target }) => (target === null ? sha256?.slice(0, 12) : `link to ${target}`) },
    { title: 'FLAGS', value: ({ flags }) => flags.join(', '), wide: true },
    { title: 'FROM', value: ({ source }) => source, wide: true },
  ],
  name: ({ product, versions }) => `${product}@${versions.join(',')}`,
  empty: `No known product version has ${plain(of)}: "tidemark signatures import" learns of more.`,
});
