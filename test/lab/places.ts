import { join } from 'node:path';

/*
 * Where the lab keeps what it makes, and how that is named: everything of the lab named ID can be found again by its
 * name alone, also by somebody who comes after a crash.
 *
 *   <lab>/base-<hash>/tree          the Debian that hosts are clones of
 *   <lab>/base-<hash>/repository    the apt repository for it
 *   <lab>/labs/<ID>/hosts/<host>    one clone: root (mounted), upper, work, supervisor, console.log
 *   <lab>/labs/<ID>/controller, desk, logs
 *   network namespaces              tidemark-<ID> (the bridge) and tidemark-<ID>-<host>
 *   control groups                  tidemark-lab/<ID>/<host> in every hierarchy
 */

/** Not below the checkout: overlay clones need a real file system, and a base tree is worth keeping across clones. */
export const LAB_DIRECTORY = process.env['TIDEMARK_LAB_DIR'] ?? '/var/tmp/tidemark-lab';

export const repositoryRoot = join(import.meta.dirname, '../..');

/** Network of every lab; labs do not meet, so all may have the same. */
const NETWORK = '10.77';
/** The bridge: controller and repository. */
export const GATEWAY = `${NETWORK}.0.1`;
export const NETWORK_BITS = 16;
export const NETWORK_CIDR = `${NETWORK}.0.0/${NETWORK_BITS}`;
export const REPOSITORY_PORT = 8080;

/** Names of network namespaces and machines may not be longer than this allows. */
const LAB_ID = /^[a-z][a-z0-9]{0,15}$/;
export const HOST_NAME = /^[a-z][a-z0-9-]{0,23}$/;

export interface LabPlaces {
  id: string;
  directory: string;
  /** Who owns it, see owner.ts. */
  owner: string;
  /** What was asked for, see lab.ts. */
  description: string;
  hosts: string;
  host(name: string): string;
  controller: string;
  desk: string;
  logs: string;
  bridgeNamespace: string;
  hostNamespace(host: string): string;
  /** Below every hierarchy's root. */
  cgroup: string;
}

export const labsDirectory = (): string => join(LAB_DIRECTORY, 'labs');

export function labPlaces(id: string): LabPlaces {
  if (!LAB_ID.test(id)) throw new Error(`"${id}" is no name for a lab: lower-case letters and digits, 16 at most`);
  const directory = join(labsDirectory(), id);
  return {
    id,
    directory,
    owner: join(directory, 'owner.json'),
    description: join(directory, 'lab.json'),
    hosts: join(directory, 'hosts'),
    host: name => join(directory, 'hosts', name),
    controller: join(directory, 'controller'),
    desk: join(directory, 'desk'),
    logs: join(directory, 'logs'),
    bridgeNamespace: `tidemark-${id}`,
    hostNamespace: host => `tidemark-${id}-${host}`,
    cgroup: `tidemark-lab/${id}`,
  };
}

/** The address of a lab's nth host (from 1). */
export const hostAddress = (index: number): string => `${NETWORK}.${Math.floor(index / 250) + 1}.${(index % 250) + 2}`;

/** A command that runs in a network namespace and is otherwise the caller's. */
export const inNamespace = (namespace: string, argv: readonly string[]): string[] => [
  'nsenter',
  `--net=/run/netns/${namespace}`,
  '--',
  ...argv,
];
