import { systemClock } from '@tidemark/shared/base/clock.ts';
import type { CommandPlace } from '../platform/command.ts';
import type { InstalledPackage, PackageManager } from '../platform/os-package.ts';
import { findOsPackages } from '../platform/os-packages-of.ts';

/** Compact: a server has hundreds of packages, and a fleet hundreds of servers. */
export interface PackagesFact {
  manager: PackageManager;
  count: number;
  /** Version by name; of another architecture than the server's own by `name:architecture`. */
  installed: Record<string, string>;
  /** Some are not in the list: it has no more than {@link MAX_LISTED}. */
  truncated: boolean;
  held: string[];
  /** What was left half way, by name: `half-configured`. */
  broken: Record<string, string>;
  /** Newer versions that the lists of the repositories, as they lie on the server, offer. */
  updates: Record<string, string>;
}

/** Some 400 KiB of JSON: three times what a large server has. */
const MAX_LISTED = 10_000;

/** Null where no package manager that is known here looks after the server. */
export async function collectPackages(place: CommandPlace, errors: string[]): Promise<PackagesFact | null> {
  const packages = findOsPackages(place, systemClock);
  if (!packages) return null;
  try {
    const installed = await packages.installed();
    const updates = await packages.updates();
    return packagesFact(packages.manager, installed, updates);
  } catch (error) {
    errors.push(`packages: ${(error as Error).message}`);
    return null;
  }
}

/** Pure. */
export function packagesFact(
  manager: PackageManager,
  installed: readonly InstalledPackage[],
  updates: ReadonlyMap<string, string>,
): PackagesFact {
  const named = keyed(installed);
  const listed = named.slice(0, MAX_LISTED);
  return {
    manager,
    count: named.length,
    installed: Object.fromEntries(listed.map(([key, { version }]) => [key, version])),
    truncated: listed.length < named.length,
    held: named.filter(([, each]) => each.held).map(([key]) => key),
    broken: Object.fromEntries(
      named.filter(([, { state }]) => state !== 'installed').map(([key, { state }]) => [key, state]),
    ),
    updates: Object.fromEntries([...updates].slice(0, MAX_LISTED)),
  };
}

/** The architecture that most packages have is the server's own. */
function keyed(installed: readonly InstalledPackage[]): [string, InstalledPackage][] {
  const counts = new Map<string, number>();
  for (const { architecture } of installed) {
    if (!NEUTRAL.has(architecture)) counts.set(architecture, (counts.get(architecture) ?? 0) + 1);
  }
  const own = [...counts].sort(([, a], [, b]) => b - a)[0]?.[0];
  return installed
    .map((each): [string, InstalledPackage] => {
      const foreign = each.architecture !== own && !NEUTRAL.has(each.architecture);
      return [foreign ? `${each.name}:${each.architecture}` : each.name, each];
    })
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

/** Packages without an architecture, as dpkg, rpm and pacman call that. */
const NEUTRAL = new Set(['all', 'noarch', 'any']);
