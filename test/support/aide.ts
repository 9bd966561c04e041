import { spawnSync } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/* AIDE, the file integrity checker of Debian's package of that name, told to look at what a scan looks at. */

export const hasAide = (): boolean => spawnSync('aide', ['--version']).status === 0;

/** Type, mode and owner of everything; size and SHA-256 of files, targets of links. Not times, inodes and link counts. */
const rulesFor = (root: string): string[] => [
  `${root} d p+ftype+u+g`,
  `${root} f p+ftype+u+g+s+sha256`,
  `${root} l p+ftype+u+g+l`,
  `${root} p,s,b,c p+ftype+u+g`,
];

/** Status of a check: bits for added, removed and changed entries. Above are errors. */
const DIFFERENT = 0b111;

interface Report {
  /** Entries that have other attributes than before, since they are of another type. */
  different_attributes?: Record<string, string>;
  added?: Record<string, string>;
  removed?: Record<string, string>;
  /** One letter an attribute: `YlZbpugamcinHAXSEC` (aide.conf(5), summarize_changes). */
  changed?: Record<string, string>;
}

/** A letter of a changed target, size or checksum. */
const isContent = (letters: string): boolean =>
  letters[1] === 'l' || letters[2] === '<' || letters[2] === '>' || letters[12] === 'H';

/** Settings for one database over one tree. */
export interface AideSettings {
  settings: string;
  /** Makes what `aide --init` wrote what `aide --check` compares with. */
  accept(): void;
}

/** Writes them into `directory`. `root` is a plain path: it is part of a regular expression. */
export function writeAideSettings(directory: string, root: string): AideSettings {
  const settings = join(directory, 'aide.conf');
  const database = join(directory, 'aide.db');
  const lines = [
    `database_in=file:${database}`,
    `database_out=file:${database}.new`,
    'gzip_dbout=no',
    // Both before the place that they count for.
    'report_format=json',
    'report_level=list_entries',
    'report_url=stdout',
  ];
  writeFileSync(settings, [...lines, ...rulesFor(root), ''].join('\n'));
  return { settings, accept: () => renameSync(`${database}.new`, database) };
}

/** Takes down what is there below `root`; what comes back says what is different since. Throws where AIDE fails. */
export function startAide(directory: string, root: string): { check(): string[] } {
  const { settings, accept } = writeAideSettings(directory, root);
  run(['--init', '-c', settings], 0);
  accept();
  return { check: () => differencesIn(JSON.parse(run(['--check', '-c', settings], DIFFERENT)), root) };
}

/** In the words of `differences` in mutated-trees.ts. */
function differencesIn(report: Report, root: string): string[] {
  const named = (change: string, path: string) => `${change} ${path.slice(`${root}/`.length)}`;
  const otherTypes = report.different_attributes ?? {};
  return [
    ...Object.keys(report.added ?? {}).map(path => named('added', path)),
    ...Object.keys(report.removed ?? {}).map(path => named('removed', path)),
    ...Object.entries(report.changed ?? {}).map(([path, letters]) =>
      named(path in otherTypes || isContent(letters) ? 'changed' : 'meta-changed', path),
    ),
  ].sort();
}

function run(argv: readonly string[], highest: number): string {
  const { status, stdout, stderr } = spawnSync('aide', argv, { encoding: 'latin1', maxBuffer: 1 << 28 });
  if (status === null || status > highest) throw new Error(`aide ${argv.join(' ')} ended with ${status}: ${stderr}`);
  return stdout;
}
