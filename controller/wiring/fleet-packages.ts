import { NEUTRAL_ARCHITECTURES, packagesIn } from '@tidemark/shared/inventory/packages.ts';
import { familyOfManager } from '@tidemark/shared/versions/package-family.ts';
import type { HostFacts } from '../inventory/facts.ts';
import type { InstalledPackages } from '../signatures/ports.ts';

const NEUTRAL = { dpkg: 'all', rpm: 'noarch' } as const;

/** What servers of one family of packages have, together. Pure. */
export function installedInFleet(hosts: readonly HostFacts[], family: 'dpkg' | 'rpm'): InstalledPackages {
  const architectures = new Set<string>();
  const versions: InstalledPackages['versions'] = new Map();
  for (const { facts } of hosts) {
    const told = packagesIn(facts);
    if (!told || familyOfManager(told.manager) !== family) continue;
    for (const { name, version, architecture } of told.installed) {
      if (!NEUTRAL_ARCHITECTURES.has(architecture)) architectures.add(architecture);
      const known = versions.get(name) ?? new Set();
      known.add(`${version} ${architecture || NEUTRAL[family]}`);
      versions.set(name, known);
    }
  }
  return { architectures: [...architectures].sort(), versions };
}
