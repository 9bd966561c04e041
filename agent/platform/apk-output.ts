import type { InstalledPackage } from './os-package.ts';
import { OUTPUT_LINES, type PackageFailure } from './os-package-problems.ts';

/* What apk says and writes, read. Pure; the tests have what 2.14.10 and 3.0.6 really said and wrote. */

/** `demo-svc-1.0-r0`. */
const NAME_VERSION = /^(.+?)-(\d[^-]*(?:-r\d+)?)$/;

/** Letters after `f:` in the database (apk_pkg_get_installed, `apk audit`). */
const FLAWS: Readonly<Record<string, string>> = {
  s: 'broken-script',
  f: 'broken-files',
  x: 'broken-attributes',
};

/** apk's database: a paragraph for each package, a letter for each field. `held`: see {@link parseWorld}. */
export const parseInstalled = (text: string, held: ReadonlySet<string>): InstalledPackage[] =>
  text.split('\n\n').flatMap((paragraph): InstalledPackage[] => {
    const field = (letter: string) => new RegExp(`^${letter}:(.*)$`, 'm').exec(paragraph)?.[1] ?? '';
    const [name, version] = [field('P'), field('V')];
    if (name === '' || version === '') return [];
    const flaw = [...field('f')].map(letter => FLAWS[letter]).find(each => each !== undefined);
    const made = field('o') === '' ? {} : { source: field('o') };
    return [
      {
        name,
        version,
        architecture: field('A') || 'noarch',
        held: held.has(name),
        state: flaw ?? 'installed',
        ...made,
      },
    ];
  });

/** One line of /etc/apk/world: what the owner wants to be there, in which version, from which tagged repository. */
export interface WorldEntry {
  name: string;
  line: string;
  /** The owner wants a version; the digest of a file that was installed is no wish. */
  pinned: boolean;
  /** The digest of a file that was installed. */
  byFile: boolean;
}

export const parseWorld = (text: string): WorldEntry[] =>
  text.split(/\s+/).flatMap((line): WorldEntry[] => {
    const [, name, constraint = ''] = /^([^=<>~@!]+)(?:@[^=<>~]+)?([=<>~].*)?$/.exec(line) ?? [];
    if (!name) return [];
    const byFile = constraint.startsWith('><');
    return [{ name, line, pinned: constraint !== '' && !byFile, byFile }];
  });

export interface ApkChange {
  name: string;
  from: string | null;
  to: string | null;
}

const CHANGE =
  /^\(\s*\d+\/\d+\) (Installing|Reinstalling|Replacing|Upgrading|Downgrading|Purging) ([^\s@]+)(?:@\S+)? \((\S+?)(?: -> (\S+))?\)$/gm;

/** `(1/2) Upgrading demo-lib (1.0-r0 -> 1.1-r0)` */
export const parseChanges = (text: string): ApkChange[] =>
  [...text.matchAll(CHANGE)].map(([, verb, name = '', one = '', other]) => {
    if (other !== undefined) return { name, from: one, to: other };
    if (verb === 'Purging') return { name, from: one, to: null };
    return { name, from: verb === 'Installing' ? null : one, to: one };
  });

/** `apk policy`: which repositories have which version, by name. What is only installed is not among it. */
export function parsePolicy(text: string): Map<string, Map<string, string[]>> {
  const found = new Map<string, Map<string, string[]>>();
  let versions: Map<string, string[]> | undefined;
  let repositories: string[] | undefined;
  for (const line of text.split('\n')) {
    const name = /^(\S+) policy:$/.exec(line)?.[1];
    const version = /^ {2}(\S+):$/.exec(line)?.[1];
    const source = /^ {4}(?:@\S+ )?(\S+)$/.exec(line)?.[1];
    if (name !== undefined) {
      versions = new Map();
      found.set(name, versions);
    } else if (version !== undefined) {
      repositories = [];
      versions?.set(version, repositories);
    } else if (source !== undefined && !/^(usr\/)?lib\/apk\/db/.test(source)) repositories?.push(source);
  }
  return found;
}

/** `apk version -v -l '<'`: `demo-app-1.0-r0  < 1.1-r0` */
export const parseUpdates = (text: string): Map<string, string> =>
  new Map(
    text.split('\n').flatMap(line => {
      const [, installed = '', version] = /^(\S+)\s+< (\S+)/.exec(line) ?? [];
      const name = NAME_VERSION.exec(installed)?.[1];
      return name && version ? [[name, version] as const] : [];
    }),
  );

/** Why it would not begin, from below `ERROR: unable to select packages:`. */
export interface Refusal {
  /** Names that no repository has. */
  missing: string[];
  /** `demo-svc=9.9-r9`: wishes that no package fulfils. */
  unfulfilled: string[];
  /** `demo-app-1.0-r0 needs demo-lib=1.0-r0` */
  breaks: string[];
}

/** Null where it would begin. */
export function parseRefusal(text: string): Refusal | null {
  const [, said] = text.split(/^ERROR: unable to select packages:$/m);
  if (said === undefined) return null;
  const refusal: Refusal = { missing: [], unfulfilled: [], breaks: [] };
  for (const [, name = ''] of said.matchAll(/^ {2}(\S+) \(no such package\):$/gm)) refusal.missing.push(name);
  for (const [, list = ''] of said.matchAll(/^ {4}breaks:\s+((?:.+)(?:\n {10,}\S.*)*)$/gm)) {
    for (const [, whose = '', need = ''] of list.matchAll(/(\S+?)\[([^\]]+)\]/g)) {
      if (whose === 'world') refusal.unfulfilled.push(need);
      else refusal.breaks.push(`${whose} needs ${need}`);
    }
  }
  return refusal;
}

/** Version 3 names the file that it ran: `lib/apk/exec/demo-svc-1.2-r0.post-upgrade`. */
const SCRIPT_FAILED = /^ERROR: (?:\S+\/)?([^/\s]+)\.((?:pre|post)-(?:install|upgrade|deinstall)|trigger): (.+)$/;

/** `ERROR: demo-svc-1.2-r0.post-upgrade: script exited with error 1`, below what the script wrote. */
export function parseFailures(text: string): PackageFailure[] {
  const lines = text.split('\n');
  return lines.flatMap((line, index): PackageFailure[] => {
    const [, owner = '', script, reason = ''] = SCRIPT_FAILED.exec(line) ?? [];
    const [, name = ''] = NAME_VERSION.exec(owner) ?? [];
    if (script !== undefined && name !== '') {
      const from = lines.findLastIndex(
        (each, at) => at < index && (/^\s*Executing /.test(each) || /^\(\s*\d+\//.test(each)),
      );
      const output = lines
        .slice(from + 1, index)
        // Version 3 marks what scripts write.
        .map(each => each.replace(/^ {2}\* /, '').trim())
        .filter(each => each !== '')
        .slice(-OUTPUT_LINES);
      return [{ name, script, reason, output }];
    }
    const [, unpacked = '', why = ''] = /^ERROR: (\S+-r\d+): (.+)$/.exec(line) ?? [];
    const own = NAME_VERSION.exec(unpacked)?.[1];
    return own === undefined ? [] : [{ name: own, script: null, reason: why, output: [] }];
  });
}

export const saysLocked = (text: string): boolean => /Unable to lock database/.test(text);

/** apk's last words of error. */
export const parseErrors = (text: string): string =>
  [...new Set([...text.matchAll(/^(?:ERROR|WARNING): (.+)$/gm)].map(([, said = '']) => said))]
    .slice(0, OUTPUT_LINES)
    .join('; ');

/** Of `apk audit`: `U etc/demo-svc/demo.conf`, a protected file that is another than its package's. */
export const parseAudit = (text: string): string[] =>
  [...text.matchAll(/^[UX] (\S.*)$/gm)].map(([, path = '']) => `/${path}`);
