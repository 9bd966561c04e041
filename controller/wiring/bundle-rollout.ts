import type { PackageFamily } from '@tidemark/shared/versions/package-family.ts';
import { familyOfManager } from '@tidemark/shared/versions/package-family.ts';
import type { Services } from '../api/services.ts';
import { type ProductOnHost, passedOver, rolloutOf, seenOnHost, type Wanted, wantedOf } from '../bundles/rollout.ts';
import type { HostFactsPort } from '../identification/ports.ts';
import type { RegisteredPackages } from '../identification/records.ts';
import type { Capabilities } from './capabilities.ts';

/** More at once than weeks have bundles in flight; older ones are asked for by name. */
const NEWEST = 12;

/**
 * Which bundle is where: the library of bundles says what should be there, identification what files are, and the package
 * database what it has of products of which no file is known.
 */
export function bundleRollout({
  bundles,
  landscape,
  identification,
  registeredAs,
}: Pick<Capabilities, 'bundles' | 'landscape'> & {
  identification: Pick<Services['identification'], 'versions'>;
  registeredAs: HostFactsPort['registeredAs'];
}): Services['rollout'] {
  return async names => {
    const all = await bundles.list();
    const unknown = names.find(name => !all.some(bundle => bundle.name === name));
    if (unknown !== undefined) return { unknown };
    const asked = all.filter(({ name, withdrawn }) => (names.length > 0 ? names.includes(name) : withdrawn === null));
    const shown = names.length > 0 ? asked : asked.slice(-NEWEST);
    const allWanted = shown.flatMap(wantedOf);
    const registered = await registeredAs([...new Set(allWanted.flatMap(registeredNames))]);
    const found = new Map<string, ProductOnHost[]>();
    for (const wanted of allWanted) {
      const key = keyOf(wanted);
      if (!found.has(key)) found.set(key, await onHosts(wanted, registered, identification));
    }
    const cells = shown.flatMap(bundle => rolloutOf(bundle, wanted => found.get(keyOf(wanted)) ?? []));
    const clusterOf = new Map(
      (await landscape.current())?.clusters.flatMap(({ name, members }) =>
        members.map(member => [member, name] as const),
      ),
    );
    return {
      bundles: shown.map(({ name, ring, createdAt, held, withdrawn }) => ({ name, ring, createdAt, held, withdrawn })),
      cells: cells.map(cell => ({ ...cell, cluster: clusterOf.get(cell.host) ?? null })),
      passedOver: passedOver(cells, shown),
    };
  };
}

const keyOf = ({ family, product, architecture }: Wanted): string => `${family ?? ''}/${product}:${architecture ?? ''}`;

/** Package databases name an architecture where it is not the server's own. */
const registeredNames = ({ family, product, architecture }: Wanted): string[] =>
  family === null ? [] : [product, ...(architecture === null ? [] : [`${product}:${architecture}`])];

async function onHosts(
  wanted: Wanted,
  registered: ReadonlyMap<string, RegisteredPackages>,
  identification: Pick<Services['identification'], 'versions'>,
): Promise<ProductOnHost[]> {
  const { family, product } = wanted;
  const byHost = new Map<string, ProductOnHost>();
  if (family !== null) {
    for (const [host, packages] of registered) {
      const version = ofFamily(packages, family) ? installedIn(packages, wanted) : null;
      if (version !== null) byHost.set(host, { host, complete: false, versions: [], registered: version });
    }
  }
  for (const verdict of (await identification.versions(product)).hosts) {
    const packages = registered.get(verdict.host);
    if (family !== null && packages && !ofFamily(packages, family)) continue;
    if (verdict.state !== 'left-behind') byHost.set(verdict.host, seenOnHost(verdict));
  }
  return [...byHost.values()].sort((a, b) => (a.host < b.host ? -1 : 1));
}

const ofFamily = ({ manager }: RegisteredPackages, family: PackageFamily): boolean =>
  familyOfManager(manager) === family;

function installedIn({ installed }: RegisteredPackages, wanted: Wanted): string | null {
  const name = registeredNames(wanted).find(each => installed.has(each));
  return name === undefined ? null : (installed.get(name) ?? null);
}
