import type { Packages } from '../inventory/kinds/software.ts';

/** A section of packages: version by `name`, or by `name:architecture` where that is not the server's own. */
export function packagesSection(
  manager: string,
  versions: Readonly<Record<string, string>>,
  {
    held = [],
    broken = {},
    architecture = 'amd64',
  }: { held?: readonly string[]; broken?: Readonly<Record<string, string>>; architecture?: string } = {},
): Packages {
  const installed = Object.entries({ ...Object.fromEntries(Object.keys(broken).map(key => [key, '1'])), ...versions })
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, version]) => {
      const [name = '', foreign] = key.split(':');
      return {
        ...{ name, version, architecture: foreign ?? architecture, source: name, sourceVersion: version, origin: '' },
        ...{ held: held.includes(key), state: broken[key] ?? 'installed' },
      };
    });
  return { manager, architecture, count: installed.length, truncated: false, installed };
}
