import type { InstalledPackage, VersionChange } from './os-package.ts';
import { OUTPUT_LINES, type PackageFailure } from './os-package-problems.ts';

/* What apt and dpkg say, read. Pure; the tests have what they really said (Debian 12: apt 2.6, dpkg 1.21; locale C.UTF-8). */

/** For `dpkg-query -W -f`. */
export const INSTALLED_FORMAT = `$${['{Package}', '{Architecture}', '{Version}', '{db:Status-Want}', '{db:Status-Eflag}', '{db:Status-Status}', '{source:Package}', '{source:Version}', '{Origin}', '{Maintainer}'].join('\t$')}\n`;

/** It has to be unpacked again. */
export const HALF_INSTALLED = 'half-installed';

/** For `dpkg-query -W -f`. */
export const CONFFILES_FORMAT = `$${'{Conffiles}'}\n`;

/** What packages shipped: `/etc/demo-svc/demo.conf 5d41402abc4b2a76b9719d911017c592`, sometimes with a word behind. */
export const parseShippedConffiles = (text: string): { path: string; md5: string }[] =>
  [...text.matchAll(/^ (\/.+?) ([0-9a-f]{32})(?: obsolete| remove-on-upgrade)*$/gm)].map(([, path = '', md5 = '']) => ({
    path,
    md5,
  }));

/** Packages of which at least something is on the server. */
export function parseInstalled(text: string): InstalledPackage[] {
  return text.split('\n').flatMap((line): InstalledPackage[] => {
    const [name, architecture, version, want, flag, state, source, sourceVersion, origin, maintainer] =
      line.split('\t');
    if (!name || architecture === undefined || version === undefined || !state) return [];
    if (state === 'not-installed' || state === 'config-files') return [];
    // Cut off between the last two writes of its unpacking a package is "unpacked", but dpkg will not configure it.
    const made = source === undefined ? {} : { source, sourceVersion, origin: origin || nameIn(maintainer) };
    return [
      {
        name,
        architecture,
        version,
        held: want === 'hold',
        state: flag === 'reinstreq' ? HALF_INSTALLED : state,
        ...made,
      },
    ];
  });
}

/** `Debian OpenSSL Team` of `Debian OpenSSL Team <team@example.org>`. */
const nameIn = (maintainer = ''): string => maintainer.replace(/\s*<[^>]*>.*$/, '').replace(/^"(.*)"$/, '$1');

export interface Simulation {
  /** To be unpacked. */
  changes: VersionChange[];
  removals: VersionChange[];
  /** To be configured, among them what was left half way before. */
  configured: string[];
}

/** The lines of `apt-get -s`: `Inst demo-svc [1.0] (1.1 Lab:updates [all])`. */
export function parseSimulation(text: string): Simulation {
  const found: Simulation = { changes: [], removals: [], configured: [] };
  for (const line of text.split('\n')) {
    const installed = /^Inst (\S+)(?: \[([^\]]+)\])? \((\S+)/.exec(line);
    if (installed?.[1] && installed[3])
      found.changes.push({ name: installed[1], from: installed[2] ?? null, to: installed[3] });
    const removed = /^(?:Remv|Purg) (\S+) \[([^\]]+)\]/.exec(line);
    if (removed?.[1] && removed[2]) found.removals.push({ name: removed[1], from: removed[2], to: null });
    const configured = /^Conf (\S+)/.exec(line);
    if (configured?.[1]) found.configured.push(configured[1]);
  }
  return found;
}

/** One version of a package as the lists of the repositories describe it. */
export interface Candidate {
  name: string;
  version: string;
  architecture: string;
  /** Hex. */
  sha256: string;
  bytes: number;
  unpackedBytes: number;
}

/** The stanzas of `apt-cache show` that can be downloaded. */
export function parseCandidates(text: string): Candidate[] {
  return text.split(/\n\s*\n/).flatMap((stanza): Candidate[] => {
    const field = (name: string) => new RegExp(`^${name}: *(.+)$`, 'm').exec(stanza)?.[1]?.trim();
    const [name, version, sha256] = [field('Package'), field('Version'), field('SHA256')];
    if (!name || !version || !sha256) return [];
    return [
      {
        name,
        version,
        architecture: field('Architecture') ?? 'all',
        sha256: sha256.toLowerCase(),
        bytes: Number(field('Size') ?? 0),
        // In KiB, rounded up by whoever built it.
        unpackedBytes: Number(field('Installed-Size') ?? 0) * 1024,
      },
    ];
  });
}

/** How apt calls the file in its cache: colons are written out. */
export const archiveName = ({ name, version, architecture }: Candidate): string =>
  `${name}_${version.replaceAll(':', '%3a')}_${architecture}.deb`;

export interface LockReport {
  path: string;
  pid: number;
  name: string;
}

/** Who has what apt or dpkg wanted; null where that was not the reason. */
export function parseLock(text: string): LockReport | null {
  const apt = /Could not get lock (\S+?)\. It is held by process (\d+) \(([^)]*)\)/.exec(text);
  if (apt) return { path: apt[1] ?? '', pid: Number(apt[2]), name: apt[3] ?? '' };
  const dpkg =
    /dpkg: error: dpkg (?:frontend |status database )+(?:lock )?.*?locked by another process(?: with pid (\d+))?/.exec(
      text,
    );
  if (dpkg) return { path: '/var/lib/dpkg/lock', pid: Number(dpkg[1] ?? 0), name: '' };
  const plain =
    /E: (?:Could not get lock|Unable to acquire the dpkg frontend lock|Unable to lock directory) \(?(\/\S+?)\)?[,\s]/.exec(
      `${text}\n`,
    );
  return plain ? { path: plain[1] ?? '', pid: 0, name: '' } : null;
}

const SCRIPTS = {
  'pre-installation': 'preinst',
  'post-installation': 'postinst',
  'pre-removal': 'prerm',
  'post-removal': 'postrm',
} as const;

/** Lines of dpkg itself: what stands after the last of them was written by the script that failed. */
const OWN_LINE =
  /^(Setting up |Preparing to unpack |Unpacking |Removing |Purging |Selecting |Processing triggers |\(Reading database|Configuration file |Installing new version of config file | ==> |dpkg: |Get:\d|Fetched |E: |W: |Errors were encountered)/;

export function parseFailures(text: string): PackageFailure[] {
  const lines = text.split('\n');
  return lines.flatMap((line, index): PackageFailure[] => {
    // After whatever was written last, also where that did not end its line: a prompt, a script's words.
    const [, unended = '', name] =
      /^(.*?)dpkg: error processing (?:package|archive) (\S+) \(--\S+\):$/.exec(line) ?? [];
    const reason = lines[index + 1]?.trim() ?? '';
    // What waits for another one is named with that one.
    if (name === undefined || reason.startsWith('dependency problems')) return [];
    const which = /(pre|post)-(installation|removal) script/.exec(reason)?.[0].replace(' script', '');
    const script = which === undefined ? null : SCRIPTS[which as keyof typeof SCRIPTS];
    return [{ name, script, reason, output: script === null ? [] : outputBefore([...lines.slice(0, index), unended]) }];
  });
}

function outputBefore(lines: readonly string[]): string[] {
  const output: string[] = [];
  for (let at = lines.length - 1; at >= 0 && output.length < OUTPUT_LINES; at--) {
    const line = lines[at] ?? '';
    if (OWN_LINE.test(line)) break;
    if (line.trim() !== '') output.unshift(line.trim());
  }
  return output;
}

/** Configuration files that dpkg would have asked about: which, and whose stayed. */
export function parseConffiles(text: string): { path: string; kept: boolean }[] {
  const lines = text.split('\n');
  return lines.flatMap((line, index) => {
    const path = /^Configuration file '(.+)'$/.exec(line)?.[1];
    if (path === undefined) return [];
    const answer = lines.slice(index + 1, index + 6).find(next => /^ ==> (Keeping|Using)/.test(next));
    return answer === undefined ? [] : [{ path, kept: answer.includes('Keeping') }];
  });
}

/** Why apt would not even begin: `demo-svc 9.9 is in none of the repositories`. */
export function parseUnavailable(text: string): string[] {
  const found = new Set<string>();
  for (const [, version, name] of text.matchAll(/^E: Version '([^']*)' for '([^']*)' was not found/gm))
    found.add(`${name} ${version}`);
  for (const [, name] of text.matchAll(/^E: Unable to locate package (\S+)/gm)) found.add(`${name}`);
  for (const [, name] of text.matchAll(/^E: Package '([^']*)' has no installation candidate/gm)) found.add(`${name}`);
  return [...found];
}

export const saysInterrupted = (text: string): boolean => text.includes('dpkg was interrupted');

/** Repositories that could not be read: apt's own lines, without what it repeats. */
export function parseRefreshFailures(text: string): string[] {
  const lines = text
    .split('\n')
    .flatMap(
      line =>
        /^(?:E|W): (Failed to fetch .+|The repository .+|GPG error: .+|Release file for .+)$/.exec(line)?.[1] ?? [],
    );
  return [...new Set(lines)];
}

/** The block in which apt explains that versions do not fit each other; null where there is none. */
export function parseUnmet(text: string): string | null {
  const block = /The following packages have unmet dependencies:\n((?: .+\n?)+)/.exec(text)?.[1];
  if (block === undefined) return null;
  return block
    .split('\n')
    .map(line => line.trim().replace(/\s+/g, ' '))
    .filter(line => line !== '')
    .slice(0, OUTPUT_LINES)
    .join('; ');
}

/** apt's and dpkg's last words of error, for what nothing else explains. */
export function parseErrors(text: string): string {
  const errors = text
    .split('\n')
    .flatMap(line => /^(?:E: |dpkg: error: |dpkg: unrecoverable fatal error)(.*)/.exec(line)?.[0] ?? [])
    .map(line => line.replace(/^E: /, '').trim());
  return [...new Set(errors)].slice(0, OUTPUT_LINES).join('; ');
}
