import type { Contents } from '../queries/contents.ts';
import type { HostView } from '../queries/evaluate.ts';
import type { createQueries } from '../queries/service.ts';
import { httpSource } from '../repositories/http-source.ts';
import { MirrorRefused } from '../risk/errors.ts';
import type { Fleet, RiskHost, RiskSources } from '../risk/ports.ts';
import { ImportRefused } from '../signatures/errors.ts';

type Queries = Pick<ReturnType<typeof createQueries>, 'packages' | 'memberships'>;

const FIELDS = new Set(['os', 'packages', 'libraries', 'sockets']);

/** What is installed in the fleet, as queries have it in memory. */
export async function riskFleet(queries: Queries): Promise<Fleet> {
  const { hosts, contents } = await queries.packages(FIELDS);
  return {
    hosts: hosts.map(host => riskHost(host, contents)),
    // Sections that fit their schemas.
    packages: contents.items('packages').values as Fleet['packages'],
    libraries: contents.items('libraries').values as Fleet['libraries'],
  };
}

function riskHost({ said, sections, unknown, observedAt }: HostView, contents: Contents): RiskHost {
  const of = (kind: string) => {
    const digest = sections?.get(kind);
    return digest === undefined ? null : contents.get(digest);
  };
  const sockets = of('sockets')?.list;
  const { values } = contents.items('sockets');
  const packages = of('packages')?.list ?? null;
  return {
    name: said.name,
    os: (of('os')?.value as RiskHost['os'] | undefined) ?? null,
    packages,
    libraries: of('libraries')?.list ?? null,
    sockets: sockets ? Array.from(sockets, number => socketOf(values[number])) : null,
    unknown: unknown ?? (packages ? null : 'its agent has told nothing of its packages'),
    observedAt,
  };
}

function socketOf(value: unknown) {
  const { address, port, process, program } = value as {
    address: string;
    port: bigint;
    process: string;
    program: string;
  };
  return { address, port: Number(port), process, program };
}

/** Groups of hosts, by name. */
export async function riskGroups(queries: Queries): ReturnType<RiskSources['groups']> {
  const memberships = await queries.memberships();
  return new Map([...memberships].map(([host, groups]) => [host, groups.in]));
}

/** As much as all advisories of an ecosystem have, packed. */
const MAX_MIRROR_BYTES = 2 * 1024 ** 3;

/** One file of a mirror. */
export function mirror(options: { directory: string; mayReach: (address: string) => boolean }): RiskSources['fetch'] {
  return async (url, use) => {
    const address = new URL(url);
    const slash = address.pathname.lastIndexOf('/');
    const path = decodeURIComponent(address.pathname.slice(slash + 1));
    const base = new URL(address.pathname.slice(0, slash + 1), address).href;
    if (path === '') throw new MirrorRefused(`${url} is a directory: give the address of a file, like ${url}all.zip`);
    const source = httpSource({ url: base, ...options, signal: new AbortController().signal });
    try {
      const found = await source.read(path, MAX_MIRROR_BYTES, async ({ file }) => ({ value: await use(file) }));
      if (!found) throw new MirrorRefused(`${url} is not there: the mirror answers that it has no such file`);
      return found.value;
    } catch (error) {
      if (error instanceof ImportRefused) throw new MirrorRefused(error.message.replaceAll('repository', 'mirror'));
      throw error;
    }
  };
}
