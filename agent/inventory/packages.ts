import { systemClock } from '@tidemark/shared/base/clock.ts';
import { MAX_PACKAGES, type Packages } from '@tidemark/shared/inventory/kinds/software.ts';
import type { SectionContent } from '@tidemark/shared/inventory/kinds.ts';
import { ownArchitecture } from '@tidemark/shared/inventory/packages.ts';
import type { CommandPlace } from '../platform/command.ts';
import type { InstalledPackage, PackageManager } from '../platform/os-package.ts';
import { findOsPackages } from '../platform/os-packages-of.ts';

/** What is installed, and what is newer; nulls where no package manager that is known here looks after the server. */
export async function collectPackages(
  place: CommandPlace,
  errors: string[],
): Promise<{ packages: Packages | null; updates: SectionContent<'updates'> | null }> {
  const manager = findOsPackages(place, systemClock);
  if (!manager) return { packages: null, updates: null };
  try {
    const packages = packagesSection(manager.manager, await manager.installed());
    const updates = updatesSection(manager.manager, await manager.updates());
    return { packages, updates };
  } catch (error) {
    errors.push(`packages: ${(error as Error).message}`);
    return { packages: null, updates: null };
  }
}

/** Pure. By name, then architecture, then version. */
export function packagesSection(manager: PackageManager, installed: readonly InstalledPackage[]): Packages {
  const sorted = installed.toSorted(
    (a, b) => order(a.name, b.name) || order(a.architecture, b.architecture) || order(a.version, b.version),
  );
  return {
    manager,
    architecture: ownArchitecture(installed),
    count: sorted.length,
    truncated: sorted.length > MAX_PACKAGES,
    installed: sorted.slice(0, MAX_PACKAGES).map(each => ({
      name: each.name,
      version: each.version,
      architecture: each.architecture,
      source: each.source ?? each.name,
      sourceVersion: each.sourceVersion ?? each.version,
      origin: each.origin ?? '',
      held: each.held,
      state: each.state,
    })),
  };
}

const updatesSection = (manager: PackageManager, updates: ReadonlyMap<string, string>): SectionContent<'updates'> => ({
  manager,
  available: [...updates]
    .sort(([a], [b]) => order(a, b))
    .slice(0, MAX_PACKAGES)
    .map(([name, version]) => ({ name, version })),
});

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
