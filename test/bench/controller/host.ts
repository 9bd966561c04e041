import { createHash, randomBytes } from 'node:crypto';
import { packagesSection } from '@tidemark/shared/testing/packages.ts';
import { OLD, PRODUCT, type Server } from '../../lab/great-night/estate.ts';
import { type ServerImage, writeImage } from '../drift-trees.ts';

/* What an agent tells of a server that does not exist: as much as a small Debian server has. */

const INSTALLED = 600;
const SERVICES = 90;
/** Pending on every server, as in the nights of the lab. */
const UPDATES = 21;
/** Files that a server has in a form of its own: its name, keys and addresses, and what its services wrote. */
const OWN_FILES = { config: 15, software: 25 } as const;

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Name to version: the same packages on all. */
const PACKAGES = Object.fromEntries(
  Array.from({ length: INSTALLED }, (_, number) => [
    `lib${hash(`name ${number}`).slice(0, 4 + (number % 18))}${number}`,
    `${number % 9}.${number % 31}.${number % 7}-${1 + (number % 5)}+deb12u1`,
  ]),
);
const OLDER = Object.keys(PACKAGES).slice(0, UPDATES);
const newer = (name: string): string => `${PACKAGES[name]}.1`;

/** `NAME=VERSION`, as `tidemark bundle create --package` takes it. */
export const bundlePackages = (): string[] => OLDER.map(name => `${name}=${newer(name)}`);

export interface MadeUpHost {
  name: string;
  facts(): Record<string, unknown>;
  /** A job of this kind has run there. */
  did(kind: string): void;
  writeScan(directory: string, scan: string): void;
}

/** Which member of each cluster is the active one, by cluster: they change roles together. */
export type Roles = Map<string, string>;

export function madeUpHost({ name, tier, pair }: Server, image: ServerImage, roles: Roles): MadeUpHost {
  const upgraded = { packages: false, product: false };
  const sealingKey = randomBytes(32).toString('base64');
  if (pair?.active) roles.set(pair.cluster, name);
  return {
    name,
    facts: () => ({
      ...(pair ? { pair: { role: roles.get(pair.cluster) === name ? 'active' : 'standby' } } : {}),
      os: {
        ...{ platform: 'linux', id: 'debian', like: [], version: '12.9', distro: 'Debian GNU/Linux' },
        ...{ release: '12', codename: 'bookworm', arch: 'x64' },
      },
      memory: { totalBytes: 2_000_000_000, availableBytes: 1_500_000_000, swapBytes: 0 },
      mounts: [
        {
          ...{ mount: '/', source: '/dev/sda1', type: 'ext4', readOnly: false },
          ...{ freeBytes: 20_000_000_000, totalBytes: 40_000_000_000 },
        },
      ],
      kernel: { running: '6.1.0-32-amd64', newest: '6.1.0-32-amd64', installed: ['6.1.0-32-amd64'] },
      bootId: hash(name).slice(0, 32),
      hostname: name,
      sealingKey,
      releases: tier === 'app' ? { [PRODUCT]: { home: `/opt/${PRODUCT}`, version: OLD, available: [OLD] } } : {},
      packages: packagesSection(
        'apt',
        upgraded.packages ? { ...PACKAGES, ...Object.fromEntries(OLDER.map(each => [each, newer(each)])) } : PACKAGES,
      ),
      updates: {
        manager: 'apt',
        available: upgraded.packages ? [] : OLDER.map(name => ({ name, version: newer(name) })),
      },
      services: Object.fromEntries(
        Array.from({ length: SERVICES }, (_, number) => [
          `service-${hash(`${number}`).slice(0, 12)}.service`,
          {
            ...{ active: number % 3 === 0 ? 'inactive' : 'active', sub: number % 3 === 0 ? 'dead' : 'running' },
            enabled: 'enabled',
          },
        ]),
      ),
      failedUnits: [],
      reboot: { required: false, reasons: [], stale: [] },
    }),
    did: kind => {
      if (kind === 'package/upgrade') upgraded.packages = true;
      if (kind === 'cluster/handover' && pair)
        roles.set(pair.cluster, roles.get(pair.cluster) === name ? pair.peer : name);
    },
    writeScan: (directory, scan) => {
      const own = [image.change('config', OWN_FILES.config, name), image.change('software', OWN_FILES.software, name)];
      const { roots } = image.build();
      writeImage(directory, scan, { roots, files: image.files, nodes: image.nodes.values() });
      for (const undo of own) undo();
    },
  };
}
