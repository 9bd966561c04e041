import type { VersionChange } from './os-package.ts';
import { OUTPUT_LINES } from './os-package-problems.ts';
import { normalRpmVersion } from './rpm-output.ts';
import { xmlText } from './xml-text.ts';

/* What zypper says, with --xmlout or in words, read. Pure; the tests have what it really said (1.14; locale C.UTF-8). */

/** zypper(8), EXIT CODES. `done`: it did what it was told; what happened on the way is in its words. */
export const ZYPPER_EXITS: Readonly<Record<number, { done: boolean; means: string }>> = {
  0: { done: true, means: 'done' },
  1: { done: false, means: 'a bug of zypper' },
  2: { done: false, means: 'options that it does not know' },
  3: { done: false, means: 'arguments that it does not take' },
  4: { done: false, means: 'the versions do not fit each other, or an error of libzypp' },
  5: { done: false, means: 'it may not do that: not root' },
  6: { done: false, means: 'no repositories are defined' },
  7: { done: false, means: 'somebody else works with the packages' },
  8: { done: false, means: 'a package could not be installed or removed' },
  100: { done: true, means: 'updates are needed' },
  101: { done: true, means: 'security updates are needed' },
  102: { done: true, means: 'the server must be booted' },
  103: { done: true, means: 'the package manager itself was updated' },
  104: { done: false, means: 'no repository has it' },
  105: { done: false, means: 'a signal ended it' },
  106: { done: false, means: 'repositories were left out, because they could not be read' },
  107: { done: true, means: 'a script of a package failed' },
};

export const LOCKED = 7;
export const NOT_FOUND = 104;

export interface ZypperSummary {
  planned: { name: string; architecture: string; version: string }[];
  removals: VersionChange[];
  downloadBytes: number;
  /** Of the file systems: what will be used more than before. */
  growsBytes: number;
}

const COMING = /^to-(install|upgrade|downgrade|reinstall|change-arch|upgrade-change-arch|downgrade-change-arch)$/;

/** The `<install-summary>` of a dry run; null where there is none, because it would not begin. */
export function parseSummary(xml: string): ZypperSummary | null {
  const summary = /<install-summary([^>]*)>([\s\S]*?)<\/install-summary>/.exec(xml);
  if (!summary) return null;
  const of = attributes(summary[1] ?? '');
  const found: ZypperSummary = {
    planned: [],
    removals: [],
    downloadBytes: Number(of('download-size')) || 0,
    growsBytes: Math.max(0, Number(of('space-usage-diff')) || 0),
  };
  for (const [, group = '', content = ''] of (summary[2] ?? '').matchAll(/<(to-[a-z-]+)>([\s\S]*?)<\/\1>/g)) {
    for (const each of solvables(content)) {
      if (COMING.test(group)) found.planned.push(each);
      else if (group === 'to-remove') found.removals.push({ name: each.name, from: each.version, to: null });
    }
  }
  return found;
}

function solvables(xml: string): { name: string; architecture: string; version: string }[] {
  return [...xml.matchAll(/<solvable ([^>]*?)\/?>/g)].flatMap(([, text = '']) => {
    const of = attributes(text);
    if (of('type') !== 'package' && of('kind') !== 'package') return [];
    return [{ name: of('name'), architecture: of('arch'), version: normalRpmVersion(of('edition')) }];
  });
}

/** `<update-list>` of list-updates: the newest of each. */
export function parseUpdates(xml: string): Map<string, string> {
  return new Map(
    [...xml.matchAll(/<update ([^>]*)>/g)].flatMap(([, text = '']) => {
      const of = attributes(text);
      return of('kind') === 'package' ? [[of('name'), normalRpmVersion(of('edition'))] as const] : [];
    }),
  );
}

/** All versions that `search -s` found in repositories. */
export const parseSearch = (xml: string): { name: string; architecture: string; version: string }[] => solvables(xml);

/** What it says in `<message type="error">`, or after a problem that it could not solve by itself. */
export function parseXmlErrors(xml: string): string {
  const errors = [...xml.matchAll(/<message type="error">([\s\S]*?)<\/message>/g)].map(([, text = '']) => text);
  const problems = [...xml.matchAll(/<description>(Problem: [\s\S]*?)<\/description>/g)].map(([, text = '']) => text);
  return sentence([...errors, ...problems].map(xmlText));
}

/** As {@link parseXmlErrors}, of what it wrote for people. */
export const parseErrors = (text: string): string =>
  sentence(
    text
      .split('\n')
      .filter(line =>
        /^(Error|error|Problem|Failed|Installation of|Removal of|File ')|\[error\]|^ *\((?:Error|\||D:)/.test(line),
      ),
  );

/** Repositories that could not be read. */
export const parseRefreshProblems = (text: string): string[] => [
  ...new Set(
    text
      .split('\n')
      .filter(line =>
        /^(Error|Repository '.*' is invalid|Skipping repository|Failed to|Could not refresh|Some of the repositories)/.test(
          line,
        ),
      )
      .map(line => line.trim()),
  ),
];

/** Names in /etc/zypp/locks that hold a package in all its versions, from all repositories. Patterns are glob patterns. */
export function parseLocks(text: string): string[] {
  return text.split(/\n\s*\n/).flatMap(block => {
    const fields = new Map(
      block.split('\n').flatMap(line => {
        const [, key, value] = /^(\w+): *(.+?) *$/.exec(line) ?? [];
        return key && value ? [[key, value] as const] : [];
      }),
    );
    const narrow = ['version', 'repo', 'solvable_arch'].some(key => fields.has(key));
    const name = fields.get('solvable_name');
    return name === undefined || narrow || (fields.get('type') ?? 'package') !== 'package' ? [] : [name];
  });
}

function attributes(text: string): (name: string) => string {
  const found = new Map(
    [...text.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, xmlText(value)]),
  );
  return name => found.get(name) ?? '';
}

const sentence = (lines: readonly string[]): string =>
  lines
    .map(line => line.trim().replace(/\s+/g, ' '))
    .filter(line => line !== '')
    .slice(0, OUTPUT_LINES)
    .join('; ');
