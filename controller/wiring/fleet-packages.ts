import { familyOfManager } from '@tidemark/shared/versions/package-family.ts';
import { z } from 'zod';
import type { HostFacts } from '../inventory/facts.ts';
import type { InstalledPackages } from '../signatures/ports.ts';

/** As agent/inventory tells it. What is told in another way is not known. */
const Told = z.object({
  os: z.object({ arch: z.string() }).optional(),
  packages: z.object({ manager: z.string(), installed: z.record(z.string(), z.string()) }),
});

/** By Node's name of an architecture. */
const ARCHITECTURES: Readonly<Record<string, Readonly<Record<'dpkg' | 'rpm', string>>>> = {
  x64: { dpkg: 'amd64', rpm: 'x86_64' },
  arm64: { dpkg: 'arm64', rpm: 'aarch64' },
  ia32: { dpkg: 'i386', rpm: 'i686' },
  arm: { dpkg: 'armhf', rpm: 'armv7hl' },
  ppc64: { dpkg: 'ppc64el', rpm: 'ppc64le' },
  s390x: { dpkg: 's390x', rpm: 's390x' },
  riscv64: { dpkg: 'riscv64', rpm: 'riscv64' },
};
const NEUTRAL = { dpkg: 'all', rpm: 'noarch' } as const;

/** What servers of one family of packages have, together. A package that names no architecture is of the server's, or of none. Pure. */
export function installedInFleet(hosts: readonly HostFacts[], family: 'dpkg' | 'rpm'): InstalledPackages {
  const architectures = new Set<string>();
  const versions: InstalledPackages['versions'] = new Map();
  for (const { facts } of hosts) {
    const told = Told.safeParse(facts);
    if (!told.success || familyOfManager(told.data.packages.manager) !== family) continue;
    const own = ARCHITECTURES[told.data.os?.arch ?? '']?.[family];
    if (own) architectures.add(own);
    for (const [key, version] of Object.entries(told.data.packages.installed)) {
      const [name = '', foreign] = key.split(':');
      if (foreign) architectures.add(foreign);
      const known = versions.get(name) ?? new Set();
      for (const architecture of foreign ? [foreign] : [own, NEUTRAL[family]])
        if (architecture) known.add(`${version} ${architecture}`);
      versions.set(name, known);
    }
  }
  return { architectures: [...architectures].sort(), versions };
}
