import { digestFromBytes } from '@tidemark/shared/base/digest.ts';
import type { Entry } from '@tidemark/shared/fingerprint/entry.ts';
import { contentText } from './content.ts';
import type { Difference, DriftClass } from './differences.ts';
import type { Release, ReleaseFile } from './records.ts';
import { textOf } from './sentences.ts';
import type { FoundFile, FoundFiles, ProductVerdict, ReleaseVerdict } from './verdicts.ts';
import { isOlder } from './versions.ts';

/** How a product on a host differs from what its releases say. Pure. */
export function driftOfProduct(product: ProductVerdict, releases: readonly Release[]): Difference[] {
  const { deployed, retained } = product;
  return [
    ...(deployed ? [] : notDeployed(product)),
    ...(deployed ? driftOfRelease(product, deployed, releases, `in release ${deployed.directory}`) : []),
    ...retained.flatMap(release =>
      driftOfRelease(product, release, releases, `in the retained release ${textOf(release.directory)}`),
    ),
    ...[...product.outside].flatMap(([path, file]) =>
      unmanaged(`${product.home}/${textOf(path)}`, file, product.product, 'lies in no release'),
    ),
  ];
}

/** Software that lies outside of every product's home. */
export const driftElsewhere = (files: FoundFiles): Difference[] =>
  [...files].flatMap(([path, file]) => unmanaged(textOf(path), file, null, 'belongs to no product of this host'));

/** Where a product has another version than on the hosts of its cluster. */
export function skewAgainstPeer(own: ProductVerdict, peerName: string, peer: ProductVerdict): Difference[] {
  const [here, there] = [own.deployed?.version ?? null, peer.deployed?.version ?? null];
  if (here === there || here === null || there === null) return [];
  return [
    {
      class: 'patch-skew',
      product: own.product,
      version: there,
      plane: 'software',
      path: `${own.home}/current`,
      expected: there,
      found: here,
      note: `${peerName} has ${there}, this host has ${here}`,
    },
  ];
}

function notDeployed(product: ProductVerdict): Difference[] {
  return [
    {
      class: 'missing-packaged',
      product: product.product,
      version: null,
      plane: 'software',
      path: `${product.home}/current`,
      expected: 'link to a release',
      found: null,
      note: product.sentence,
    },
  ];
}

function driftOfRelease(
  { product, home }: ProductVerdict,
  verdict: ReleaseVerdict,
  releases: readonly Release[],
  where: string,
): Difference[] {
  const { version, files, directory } = verdict;
  const reference = releases.find(release => release.product === product && release.version === version);
  const at = (path: string) => `${home}/releases/${directory}/${textOf(path)}`;
  const make = (kind: DriftClass, path: string, note: string): Difference => {
    const file = files.get(path);
    const wanted = reference?.files.get(path);
    return {
      class: kind,
      product,
      version,
      plane: file?.plane ?? 'software',
      path: at(path),
      expected: wanted ? releaseText(wanted) : null,
      found: file ? contentText(file.entry) : null,
      note,
    };
  };
  const of = `${product} ${version}`;
  return [
    ...mistextOf(product, home, verdict),
    ...verdict.foreign.map(({ path, versions }) =>
      make('partial-patch', path, `${where}: ${stillOrAlready(versions, version)} ${versions.join(' or ')}`),
    ),
    ...verdict.leftover.map(({ path, versions }) =>
      make('partial-patch', path, `${where}: of ${versions.join(' or ')}, ${version} does not have it`),
    ),
    ...verdict.missing.map(path => make('missing-packaged', path, `${where}: a file of ${of} is missing`)),
    ...verdict.modified.map(path =>
      make('modified-packaged', path, `${where}: not what any release of ${product} has`),
    ),
    ...verdict.unread.map(path => make(unreadClass(files.get(path)?.entry), path, `${where}: it could not be read`)),
    ...verdict.wrongMode.map(path =>
      wrongMode(make('meta-drift', path, where), files.get(path), reference?.files.get(path)),
    ),
    ...verdict.extra.flatMap(path => {
      const file = files.get(path);
      return file ? unmanaged(at(path), file, product, `${where}: no release of ${product} has it`) : [];
    }),
  ];
}

/** A directory that is called after one version and completely holds another. */
function mistextOf(product: string, home: string, { fits, directory, version }: ReleaseVerdict): Difference[] {
  if (fits.length === 0 || fits.includes(directory)) return [];
  const note = `the directory is called ${directory} and holds ${fits.join(' or ')}`;
  const path = `${home}/releases/${directory}`;
  return [
    {
      class: 'patch-skew',
      product,
      version,
      plane: 'software',
      path,
      expected: directory,
      found: fits.join(' or '),
      note,
    },
  ];
}

const stillOrAlready = (versions: readonly string[], version: string | null): string =>
  isOlder(versions[0] ?? '', version ?? '') ? 'still' : 'already';

function wrongMode(difference: Difference, found: FoundFile | undefined, wanted: ReleaseFile | undefined): Difference {
  return {
    ...difference,
    expected: wanted?.executable ? 'executable' : 'not executable',
    found: `mode ${(found?.meta?.mode ?? 0).toString(8).padStart(4, '0')}`,
    note: `${difference.note}: the release says otherwise whether it may be executed`,
  };
}

const releaseText = (file: ReleaseFile): string =>
  file.kind === 'file' ? digestFromBytes(file.digest) : `link with target ${digestFromBytes(file.digest)}`;

const unreadClass = (entry: Entry | undefined): DriftClass => (entry?.kind === 'unstable' ? 'unstable' : 'unscanned');

/** A file that no release explains. Configuration is not expected to be in one: it is compared with peers. */
function unmanaged(path: string, { entry, plane }: FoundFile, product: string | null, note: string): Difference[] {
  if (entry.kind === 'directory') return [];
  const base = { product, version: null, plane, path, expected: null, found: contentText(entry) };
  if (entry.kind === 'unstable') return [{ ...base, class: 'unstable', note: 'it changed whenever it was read' }];
  if (entry.kind === 'unreadable' || entry.kind === 'skipped') {
    return [{ ...base, class: 'unscanned', note: `it was not read: ${entry.reason}` }];
  }
  if (plane === 'config') return [];
  const runs = entry.kind === 'file' && entry.executable;
  return [{ ...base, class: runs ? 'unmanaged-executable' : 'unmanaged-data', note }];
}
