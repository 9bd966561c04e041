import { Buffer } from 'node:buffer';
import { pathText } from '@tidemark/shared/fingerprint/path.ts';
import type { ForeignFile, ReleaseVerdict } from './verdicts.ts';
import { isOlder } from './versions.ts';

/** As many paths as a sentence names; reports list all of them. */
const NAMED_PATHS = 3;

export const textOf = (path: string): string => pathText(Buffer.from(path, 'latin1'));

export const files = (count: number): string => (count === 1 ? '1 file' : `${count} files`);

/** `1.4.1, complete (37 files)` or `31 of 37 files of 1.4.1, 6 still 1.4.0: a, b, c and 3 more`. */
export function releaseSentence(verdict: Omit<ReleaseVerdict, 'sentence'>): string {
  const { version, fits, directory, matched, total, extra } = verdict;
  if (version === null) return `releases/${directory} is of no known version: ${files(verdict.files.size)}`;
  const also = extra.length > 0 ? `, and ${files(extra.length)} that no version has` : '';
  if (fits.length > 0) {
    const place = fits.includes(directory) ? '' : `, in a directory called ${directory}`;
    return `${fits.join(' or ')}, complete (${files(total)})${place}${also}`;
  }
  const parts = [
    ...foreignParts(verdict.foreign, version),
    ...leftoverParts(verdict.leftover, version),
    listed(verdict.missing, 'missing'),
    listed(verdict.modified, 'modified'),
    listed(verdict.unread, 'not readable'),
  ].filter(part => part !== '');
  return `${matched} of ${files(total)} of ${version}, ${parts.join('; ')}${also}`;
}

function foreignParts(foreign: readonly ForeignFile[], version: string): string[] {
  return [...byVersions(foreign)].map(([versions, paths]) => {
    const word = isOlder(versions.split(' or ')[0] ?? '', version) ? 'still' : 'already';
    return listed(paths, `${word} ${versions}`);
  });
}

const leftoverParts = (leftover: readonly ForeignFile[], version: string): string[] =>
  [...byVersions(leftover)].map(([versions, paths]) => listed(paths, `of ${versions} that ${version} does not have`));

function byVersions(foreign: readonly ForeignFile[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const { path, versions } of foreign) {
    const key = versions.join(' or ');
    groups.set(key, [...(groups.get(key) ?? []), path]);
  }
  return groups;
}

function listed(paths: readonly string[], what: string): string {
  if (paths.length === 0) return '';
  const named = paths.slice(0, NAMED_PATHS).map(textOf).join(', ');
  const more = paths.length > NAMED_PATHS ? ` and ${paths.length - NAMED_PATHS} more` : '';
  return `${paths.length} ${what}: ${named}${more}`;
}
