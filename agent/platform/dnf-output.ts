import type { VersionChange } from './os-package.ts';
import { OUTPUT_LINES } from './os-package-problems.ts';
import { normalRpmVersion } from './rpm-output.ts';

/* What dnf 4 says, read. Pure; the tests have what it really said (4.14; locale C.UTF-8). */

/** dnf(8), EXIT STATUS, as far as it is used here. */
export const DNF_EXITS = { done: 0, failed: 1, unhandled: 3, updatesAvailable: 100, locked: 200 } as const;

/** For `dnf repoquery --qf`. */
export const CANDIDATE_FORMAT =
  '%{name}\\t%{epoch}:%{version}-%{release}\\t%{arch}\\t%{downloadsize}\\t%{installsize}\\t%{relativepath}';

export interface RpmCandidate {
  name: string;
  version: string;
  architecture: string;
  downloadBytes: number;
  unpackedBytes: number;
  /** Name of its file. */
  file: string;
}

export function parseCandidates(text: string): RpmCandidate[] {
  return text.split('\n').flatMap((line): RpmCandidate[] => {
    const [name, version, architecture, download, unpacked, path] = line.split('\t');
    if (!name || !version || !architecture || !path) return [];
    return [
      {
        name,
        version: normalRpmVersion(version),
        architecture,
        downloadBytes: Number(download) || 0,
        unpackedBytes: Number(unpacked) || 0,
        file: path.split('/').at(-1) ?? path,
      },
    ];
  });
}

export interface DnfPlan {
  /** To come onto the server. */
  planned: { name: string; architecture: string; version: string }[];
  removals: VersionChange[];
}

const COMING = /^(Installing|Upgrading|Downgrading|Reinstalling)\b.*:$/;
const GOING = /^Removing\b.*:$/;

/**
 * The table of a transaction. A row begins with one blank; what does not fit into its column goes on in the next line,
 * further in, and so does what a package takes the place of.
 */
export function parseTransaction(text: string): DnfPlan {
  const plan: DnfPlan = { planned: [], removals: [] };
  let section: 'coming' | 'going' | null = null;
  let row: string[] = [];
  const close = () => {
    const [name, architecture, version] = row;
    row = [];
    if (!name || !architecture || !version || section === null) return;
    if (section === 'coming') plan.planned.push({ name, architecture, version: normalRpmVersion(version) });
    else plan.removals.push({ name, from: normalRpmVersion(version), to: null });
  };
  for (const line of text.split('\n')) {
    const replaced = /^ {2,}replacing {2}(\S+)\.\w+ (\S+)/.exec(line);
    if (replaced?.[1]) {
      plan.removals.push({ name: replaced[1], from: replaced[2] ?? null, to: null });
      continue;
    }
    if (/^ {2,}\S/.test(line) && row.length > 0) {
      row.push(...line.trim().split(/\s+/));
      continue;
    }
    close();
    if (COMING.test(line)) section = 'coming';
    else if (GOING.test(line)) section = 'going';
    else if (/^ \S/.test(line)) row = line.trim().split(/\s+/);
    else section = null;
  }
  close();
  return plan;
}

/** What was asked for and is in no repository. */
export const parseUnmatched = (text: string): string[] => [
  ...new Set([...text.matchAll(/^No match for argument: (.+)$/gm)].map(([, name = '']) => name)),
];

/** What was asked for and is kept away by a lock or an exclusion. */
export const parseExcluded = (text: string): string[] => [
  ...new Set(
    [...text.matchAll(/filtered out by exclude filtering for argument: (.+)$/gm)].map(([, name = '']) => name),
  ),
];

/** The block in which it explains that versions do not fit each other; null where there is none. */
export function parseProblem(text: string): string | null {
  const block = /^(?:Error: *)?\n? Problem(?: \d+)?: (.+\n(?: {2,}-? .+\n?)*)/m.exec(text)?.[1];
  return block === undefined ? null : sentence(block.split('\n'));
}

/** Repositories that could not be read. */
export const parseRefreshProblems = (text: string): string[] => [
  ...new Set(
    text
      .split('\n')
      .filter(line =>
        /^(Error: |Failed to download metadata|Errors during downloading metadata|Failed to synchronize)/.test(line),
      )
      .map(line => line.replace(/^Error: /, '').trim()),
  ),
];

/** dnf's last words of error. */
export const parseErrors = (text: string): string =>
  sentence(text.split('\n').filter(line => /^(Error|error|Failed|Cannot|Could not)\b/.test(line)));

const sentence = (lines: readonly string[]): string =>
  lines
    .map(line => line.trim().replace(/\s+/g, ' '))
    .filter(line => line !== '')
    .slice(0, OUTPUT_LINES)
    .join('; ');

/** Names in the list of the versionlock plugin: `demo-svc-0:1.0-1.*`. Lines with `!` keep a version away, and hold nothing. */
export const parseVersionLocks = (lines: readonly string[]): string[] =>
  lines.flatMap(line => /^([^#!\s].*?)-(?:\d+:)?[^-\s]+-[^-\s]+$/.exec(line.trim())?.[1] ?? []);
