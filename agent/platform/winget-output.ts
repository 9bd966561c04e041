import type { InstalledPackage } from './os-package.ts';

/*
 * What winget says, read. Pure. Written after output as people have recorded it (winget 1.7 to 1.9, in English); it has not
 * been run on a Windows.
 */

/** What winget ends with, as signed 32-bit numbers (doc/windows/package-manager/winget/returnCodes.md of winget-cli). */
export const WINGET_EXITS = {
  done: 0,
  /** 0x8A150014: no package of this id, or no such version of it. */
  notFound: -1978335212,
  /** 0x8A15002B: what is installed is what was asked for, or newer. */
  notNewer: -1978335189,
  /** 0x8A150011: the installer is not what its manifest says. */
  wrongDigest: -1978335215,
  /** 0x8A150102: another installation is in progress. */
  busy: -1978334974,
  /** 0x8A150105: the disk is full. */
  noSpace: -1978334971,
  /** 0x8A150109: it is there once the server has been booted. */
  rebootToFinish: -1978334967,
} as const;

/** One row of a table of winget, by the words of its heading. */
type Row = ReadonlyMap<string, string>;

/**
 * Tables have columns of a fixed width, told by where the words of the heading begin. Above the heading stand the marks of
 * progress, which a terminal would have written over.
 */
export function parseTable(text: string): Row[] {
  const lines = text.split(/\r?\n/).map(line => line.slice(line.lastIndexOf('\r') + 1));
  const rule = lines.findIndex(line => /^-{10,}$/.test(line.trim()));
  const heading = lines[rule - 1];
  if (rule < 1 || heading === undefined) return [];
  const columns = [...heading.matchAll(/\S+/g)].map(({ 0: word, index }) => ({ word, index }));
  const rows: Row[] = [];
  for (const line of lines.slice(rule + 1)) {
    const cells = [...line];
    // Below the table it counts what it has listed.
    if (line.trim() === '' || /^\d+ (package|upgrade)/.test(line)) break;
    rows.push(
      new Map(
        columns.map(({ word, index }, at) => [
          word,
          cells
            .slice(index, columns[at + 1]?.index ?? cells.length)
            .join('')
            .trim(),
        ]),
      ),
    );
  }
  return rows;
}

/** Of `winget list`: what comes from a source of winget, by its id. A name that was cut off is nobody's. */
export const parseList = (text: string, pinned: ReadonlySet<string>): InstalledPackage[] =>
  parseTable(text).flatMap((row): InstalledPackage[] => {
    const [name = '', version = ''] = [row.get('Id'), row.get('Version')];
    if (row.get('Source') !== 'winget' || name.endsWith('…') || version === '' || version === 'Unknown') return [];
    return [{ name, version: bare(version), architecture: 'any', held: pinned.has(name), state: 'installed' }];
  });

/** Of the same: newer versions that the sources have. */
export const parseAvailable = (text: string): Map<string, string> =>
  new Map(
    parseTable(text).flatMap(row => {
      const [name = '', version = ''] = [row.get('Id'), row.get('Available')];
      return version === '' || row.get('Source') !== 'winget' || name.endsWith('…') ? [] : [[name, version] as const];
    }),
  );

/** `winget pin list`. */
export const parsePins = (text: string): Set<string> => new Set(parseTable(text).map(row => row.get('Id') ?? ''));

/** `winget show`: SHA-256 of the installer that would be taken, hex; null where it does not say. */
export const parseInstallerDigest = (text: string): string | null =>
  /^\s*Installer SHA256:\s*([0-9a-fA-F]{64})\s*$/m.exec(text)?.[1]?.toLowerCase() ?? null;

/** `winget show --versions`. */
export function parseVersions(text: string): string[] {
  const lines = text.split(/\r?\n/);
  const rule = lines.findIndex(line => /^-{3,}$/.test(line.trim()));
  return rule < 0
    ? []
    : lines
        .slice(rule + 1)
        .map(line => line.trim())
        .filter(line => line !== '');
}

/** `< 1.2`: what is installed is older than anything that the source knows. */
const bare = (version: string): string => version.replace(/^[<>]\s*/, '');

/** What Windows Installer ends with (learn.microsoft.com, "MsiExec.exe and InstMsi.exe error messages"), as far as it helps. */
const MSI_EXITS: Readonly<Record<number, string>> = {
  1602: 'somebody has cancelled it',
  1603: 'a fatal error in its installer; see its log',
  1618: 'another installation is in progress: try again',
  1619: 'its package could not be opened',
  1625: 'a policy of this server forbids it',
  1633: 'it is not for this kind of processor',
  1638: 'another version of it is installed, which must be removed first',
};

/** `Installer failed with exit code: 1603`; null where it does not say. */
export function describeInstallerExit(text: string): string | null {
  const code = /exit code: (\d+)/.exec(text)?.[1];
  if (code === undefined) return null;
  const known = MSI_EXITS[Number(code)];
  return `its installer ended with ${code}${known === undefined ? '' : `, ${known}`}`;
}
