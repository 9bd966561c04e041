import { Buffer } from 'node:buffer';
import type { Entry } from '@tidemark/shared/fingerprint/entry.ts';
import { pathText } from '@tidemark/shared/fingerprint/path.ts';
import { contentDigest } from './content.ts';
import type { ProductHome, Release, ReleaseFile } from './records.ts';
import { releaseSentence } from './sentences.ts';
import type { FoundFile, FoundFiles, ProductVerdict, ReleaseVerdict } from './verdicts.ts';

const RELEASES = 'releases/';
const CURRENT = 'current';

/** Which version of a product is on a host, and whether all of it. `found` is relative to the home. */
export function identifyProduct(at: ProductHome, found: FoundFiles, releases: readonly Release[]): ProductVerdict {
  const known = releases.filter(({ product }) => product === at.product);
  const directories = new Map<string, Map<string, FoundFile>>();
  const outside = new Map<string, FoundFile>();
  for (const [path, file] of found) {
    const place = releasePlace(path);
    if (place) {
      const files = directories.get(place.directory) ?? new Map<string, FoundFile>();
      directories.set(place.directory, files);
      if (place.path !== '') files.set(place.path, file);
    } else if (path !== CURRENT && file.entry.kind !== 'directory') {
      outside.set(path, file);
    }
  }
  const current = currentDirectory(at.home, found.get(CURRENT));
  const verdicts = [...directories].map(([directory, files]) => identifyRelease(directory, files, known));
  const deployed = verdicts.find(({ directory }) => directory === current) ?? null;
  return {
    ...at,
    deployed,
    retained: verdicts.filter(verdict => verdict !== deployed),
    outside,
    versions: deployed?.fits ?? [],
    complete: (deployed?.fits.length ?? 0) > 0,
    sentence: productSentence(at, found, known, current, deployed),
  };
}

function releasePlace(path: string): { directory: string; path: string } | null {
  if (!path.startsWith(RELEASES)) return null;
  const [directory = '', ...rest] = path.slice(RELEASES.length).split('/');
  return { directory, path: rest.join('/') };
}

/** `current` is a link to `releases/<directory>`, relative or absolute. */
function currentDirectory(home: string, file: FoundFile | undefined): string | null {
  if (file?.entry.kind !== 'symlink') return null;
  const target = file.entry.target.toString('latin1').replace(/\/+$/, '');
  const prefix = `${Buffer.from(home).toString('latin1')}/`;
  const relative = target.startsWith(prefix) ? target.slice(prefix.length) : target.replace(/^(\.\/)+/, '');
  const place = releasePlace(relative);
  return place && place.path === '' && place.directory !== '' ? place.directory : null;
}

/** What a directory holds, against every version of its product. Pure. */
export function identifyRelease(directory: string, files: FoundFiles, known: readonly Release[]): ReleaseVerdict {
  const name = pathText(Buffer.from(directory, 'latin1'));
  const compared = known.map(release => compareRelease(name, files, release, known));
  const fits = compared.filter(isComplete).map(({ version }) => version ?? '');
  const best = compared.toSorted((a, b) => rank(b, name) - rank(a, name))[0];
  const verdict = best ?? { ...NOTHING_KNOWN, directory: name, files, extra: [...files.keys()] };
  return { ...verdict, fits, sentence: releaseSentence({ ...verdict, fits }) };
}

const NOTHING_KNOWN = {
  version: null,
  matched: 0,
  total: 0,
  foreign: [],
  leftover: [],
  missing: [],
  modified: [],
  unread: [],
  wrongMode: [],
};

type Compared = Omit<ReleaseVerdict, 'fits' | 'sentence'>;

const isComplete = ({ matched, total, leftover }: Compared): boolean => matched === total && leftover.length === 0;

/** A complete version before a partial one, the one that the directory is named after before another, then by share. */
function rank(compared: Compared, directory: string): number {
  const share = compared.total === 0 ? 0 : compared.matched / compared.total;
  return (isComplete(compared) ? 4 : 0) + (compared.version === directory ? 2 : 0) + share;
}

function compareRelease(directory: string, files: FoundFiles, release: Release, known: readonly Release[]): Compared {
  const others = known.filter(({ version }) => version !== release.version);
  const result: Compared = {
    ...NOTHING_KNOWN,
    directory,
    version: release.version,
    files,
    total: release.files.size,
    foreign: [],
    leftover: [],
    missing: [],
    modified: [],
    extra: [],
    unread: [],
    wrongMode: [],
  };
  for (const [path, expected] of release.files) {
    const found = files.get(path);
    if (!found) {
      result.missing.push(path);
    } else if (isUnread(found.entry)) {
      result.unread.push(path);
    } else if (isFile(found.entry, expected)) {
      result.matched += 1;
      if (hasWrongMode(found, expected)) result.wrongMode.push(path);
    } else {
      const versions = versionsWith(others, path, found.entry);
      if (versions.length > 0) result.foreign.push({ path, versions });
      else result.modified.push(path);
    }
  }
  for (const [path, { entry }] of files) {
    if (release.files.has(path) || entry.kind === 'directory') continue;
    const versions = versionsWith(others, path, entry);
    if (versions.length > 0) result.leftover.push({ path, versions });
    else result.extra.push(path);
  }
  return result;
}

const versionsWith = (releases: readonly Release[], path: string, entry: Entry): string[] =>
  releases
    .filter(({ files }) => {
      const file = files.get(path);
      return file !== undefined && isFile(entry, file);
    })
    .map(({ version }) => version);

export const isUnread = ({ kind }: Entry): boolean =>
  kind === 'unstable' || kind === 'unreadable' || kind === 'skipped';

/** Whether an entry has the content of a release's file. */
export function isFile(entry: Entry, file: ReleaseFile): boolean {
  const digest = contentDigest(entry);
  return entry.kind === file.kind && digest !== null && digest.equals(file.digest);
}

/** Archives say whether a file runs; the rest of its mode is the host's umask. */
const hasWrongMode = ({ meta }: FoundFile, expected: ReleaseFile): boolean =>
  meta !== null && expected.kind === 'file' && ((meta.mode & 0o111) !== 0) !== expected.executable;

function productSentence(
  at: ProductHome,
  found: FoundFiles,
  known: readonly Release[],
  current: string | null,
  deployed: ReleaseVerdict | null,
): string {
  if (found.size === 0) return `nothing of it is in ${at.home}`;
  if (known.length === 0) {
    return 'none of its releases is known: import them with "tidemark signatures import"';
  }
  if (!found.has(CURRENT)) return `${at.home}/${CURRENT} is missing: no release is in use`;
  if (current === null) return `${at.home}/${CURRENT} is no link to a directory in ${at.home}/releases`;
  if (!deployed)
    return `${at.home}/${CURRENT} points to ${pathText(Buffer.from(current, 'latin1'))}, which is not there`;
  return deployed.sentence;
}
