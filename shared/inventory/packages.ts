import type { InstalledPackage, Packages } from './kinds/software.ts';

/** What is installed on a server, by names that tell packages of several architectures apart. */
export interface KnownPackages {
  manager: string;
  installed: readonly InstalledPackage[];
  /** By name; of another architecture than the server's own by `name:architecture`. Of several versions the last one. */
  byKey: ReadonlyMap<string, InstalledPackage>;
  truncated: boolean;
}

/**
 * Of the facts of a host; null where they say nothing of packages. Sections are checked where they come in: here it is only
 * seen whether it is one, since planning asks for the packages of a whole fleet.
 */
export function packagesIn(facts: Readonly<Record<string, unknown>>): KnownPackages | null {
  const told = facts['packages'];
  if (!isPackages(told)) return null;
  const known = READ.get(told) ?? read(told);
  READ.set(told, known);
  return known;
}

/** Equal contents of several hosts are one object. */
const READ = new WeakMap<object, KnownPackages>();

const isPackages = (value: unknown): value is Packages =>
  typeof value === 'object' &&
  value !== null &&
  'manager' in value &&
  'installed' in value &&
  Array.isArray(value.installed);

const read = ({ manager, architecture, installed, truncated }: Packages): KnownPackages => ({
  manager,
  installed,
  byKey: new Map(installed.map(each => [keyOf(each, architecture), each])),
  truncated,
});

const keyOf = ({ name, architecture }: InstalledPackage, own: string): string =>
  architecture === own || NEUTRAL_ARCHITECTURES.has(architecture) ? name : `${name}:${architecture}`;

/** The architecture that most packages have is the server's own; empty where none has one. */
export function ownArchitecture(installed: readonly { architecture: string }[]): string {
  const counts = new Map<string, number>();
  for (const { architecture } of installed)
    if (!NEUTRAL_ARCHITECTURES.has(architecture)) counts.set(architecture, (counts.get(architecture) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? '';
}

/** Packages without an architecture, as dpkg, rpm and pacman call that. */
export const NEUTRAL_ARCHITECTURES: ReadonlySet<string> = new Set(['all', 'noarch', 'any', '']);
