import { matchesGlob } from 'node:path';
import type { InstalledPackage } from './os-package.ts';
import { OUTPUT_LINES, type PackageFailure } from './os-package-problems.ts';

/* What pacman says, read. Pure; the tests have what it really said (6.0; locale C.UTF-8). */

/** `pacman -Q`; `ignored` are the patterns of IgnorePkg. */
export const parseInstalled = (text: string, ignored: readonly string[]): InstalledPackage[] =>
  text.split('\n').flatMap((line): InstalledPackage[] => {
    const [, name, version] = /^(\S+) (\S+)$/.exec(line) ?? [];
    if (!name || !version) return [];
    const held = ignored.some(pattern => matchesGlob(name, pattern));
    return [{ name, version, architecture: 'any', held, state: 'installed' }];
  });

/** For `--print-format`. */
export const PRINT_FORMAT = '%r|%n|%v|%l|%s';

export interface PrintedPackage {
  repository: string;
  name: string;
  version: string;
  /** Name of its file. */
  file: string;
  bytes: number;
}

export const parsePrinted = (text: string): PrintedPackage[] =>
  text.split('\n').flatMap((line): PrintedPackage[] => {
    const [repository, name, version, location, bytes] = line.split('|');
    if (!repository || !name || !version || !location) return [];
    return [
      {
        repository,
        name,
        version,
        file: decodeURIComponent(location.split('/').at(-1) ?? ''),
        bytes: Number(bytes) || 0,
      },
    ];
  });

/** `pacman -Sl`: what each repository offers, in the order in which they stand in the configuration. */
export const parseOffered = (text: string): { repository: string; name: string; version: string }[] =>
  text.split('\n').flatMap(line => {
    const [repository, name, version] = line.split(' ');
    return repository && name && version ? [{ repository, name, version }] : [];
  });

/** `demo-svc 1.0-1 -> 1.1-1`, and `[ignored]` behind what is held. */
export const parseUpdates = (text: string): Map<string, string> =>
  new Map(
    text.split('\n').flatMap(line => {
      const [, name, version] = /^(\S+) \S+ -> (\S+)(?: \[ignored\])?$/.exec(line) ?? [];
      return name && version ? [[name, version] as const] : [];
    }),
  );

const WORKS_ON = /^(?:installing|upgrading|downgrading|reinstalling|removing) (\S+?)\.\.\.$/;
const WHICH = { installing: 'post_install', upgrading: 'post_upgrade', removing: 'pre_remove' } as const;

/** A script that failed is named by what pacman works on just then: it has no word of its own for it, and ends with 0. */
export function parseFailures(text: string): PackageFailure[] {
  const lines = text.split('\n');
  return lines.flatMap((line, index): PackageFailure[] => {
    if (!/^error: command (failed to execute correctly|terminated by signal)/.test(line)) return [];
    const from = lines.slice(0, index).findLastIndex(each => WORKS_ON.test(each) || /^:: /.test(each));
    const name = WORKS_ON.exec(lines[from] ?? '')?.[1];
    // After the last package come the hooks of the server: none of a package's scripts.
    if (name === undefined) return [];
    const verb = (lines[from] ?? '').split(' ')[0] as keyof typeof WHICH;
    const output = lines
      .slice(from + 1, index)
      .map(each => each.trim())
      .filter(each => each !== '')
      .slice(-OUTPUT_LINES);
    return [{ name, script: WHICH[verb] ?? 'post_upgrade', reason: line.replace(/^error: /, ''), output }];
  });
}

/** `warning: /etc/x installed as /etc/x.pacnew`. */
export const parseConffiles = (text: string): { path: string; other: string; kept: boolean }[] =>
  [...text.matchAll(/warning: (\/.+) (installed|saved) as (\/.+\.pac(?:new|save|orig))$/gm)].map(
    ([, path = '', how, other = '']) => ({ path, other, kept: how === 'installed' }),
  );

export const saysLocked = (text: string): boolean => /unable to lock database/.test(text);

/** `removing demo-lib breaks dependency 'demo-lib=1.0' required by demo-app` */
export const parseBreaks = (text: string): string[] => [
  ...new Set([...text.matchAll(/ breaks dependency '.+' required by (\S+)/g)].map(([, name = '']) => name)),
];

export const parseMissing = (text: string): string[] => [
  ...new Set([...text.matchAll(/^error: target not found: (\S+)/gm)].map(([, name = '']) => name)),
];

/** pacman's last words of error. */
export const parseErrors = (text: string): string =>
  [...new Set(text.split('\n').filter(line => /^(error: |:: .*(breaks|requires|conflict))/.test(line)))]
    .map(line => line.replace(/^(error: |:: )/, '').trim())
    .slice(0, OUTPUT_LINES)
    .join('; ');

/** Of `pacman -Qii`: below "Backup Files", `MODIFIED` and a path, or both in brackets after it (7.0). */
export const parseChangedConffiles = (text: string): string[] => [
  ...[...text.matchAll(/^MODIFIED\s+(\/.+)$/gm)].map(([, path = '']) => path),
  ...[...text.matchAll(/(\/\S.*) \[modified\]$/gm)].map(([, path = '']) => path),
];
