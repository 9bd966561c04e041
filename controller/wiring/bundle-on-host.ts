import type { Digest } from '@tidemark/shared/base/digest.ts';
import { familyOfManager, type PackageFamily } from '@tidemark/shared/versions/package-family.ts';
import type { Services } from '../api/services.ts';
import { type ProductOnHost, rolloutOf, seenOnHost, type Wanted } from '../bundles/rollout.ts';
import type { createBundles } from '../bundles/service.ts';
import type { HostFactsPort } from '../identification/ports.ts';
import type { Orchestrator } from '../orchestrator/service.ts';
import type { createPlanner } from '../planner/service.ts';
import type { PatchedHosts } from '../verification/ports.ts';

type Identified = Extract<Awaited<ReturnType<Services['identification']['identify']>>, { ok: true }>['value'];

/**
 * Whether hosts have what a run was to bring them, by their files: the run says which are done, identification what is there.
 */
export function bundleOnHost({
  bundles,
  orchestrator,
  planner,
  identify,
  registered,
}: {
  bundles: Pick<ReturnType<typeof createBundles>, 'bundle'>;
  orchestrator: Pick<Orchestrator, 'view'>;
  planner: Pick<ReturnType<typeof createPlanner>, 'bundleOf'>;
  identify: Services['identification']['identify'];
  registered: HostFactsPort['registered'];
}): PatchedHosts {
  return {
    async lacks({ run, host }) {
      const view = await orchestrator.view(run);
      if (view?.hosts.find(each => each.host === host)?.state !== 'succeeded') return null;
      const planned = await planner.bundleOf(view.plan as Digest);
      if (!planned) return null;
      const { name, leftOut } = planned;
      const bundle = await bundles.bundle(name);
      const identified = await identify(host);
      if (!bundle || !identified.ok) return null;
      const manager = (await registered(host))?.manager;
      const own = manager === undefined ? null : familyOfManager(manager);
      const wanted = ({ product, version }: Wanted) => !leftOut.includes(`${product} ${version}`);
      const [cell] = rolloutOf(bundle, each => (wanted(each) ? onHost(identified.value, own, each) : []));
      return { bundle: name, lacks: cell?.lacks ?? [] };
    },
  };
}

/** As the matrix of all hosts sees it, from what is known of one whose packages are of `own` family. */
function onHost(identified: Identified, own: PackageFamily | null, wanted: Wanted): ProductOnHost[] {
  const { host, products, packages, unknown } = identified;
  const { family, product, architecture } = wanted;
  if (family === null) {
    return products
      .filter(each => each.product === product)
      .map(({ complete, versions }) => ({ host, complete, versions, registered: null }));
  }
  // A bundle may bring the same name to servers of several families, each in its own version.
  if (own !== family) return [];
  const known = packages.filter(
    each =>
      each.product === product &&
      each.state !== 'left-behind' &&
      (architecture === null || each.architecture === null || each.architecture === architecture),
  );
  if (known.length === 0) {
    return unknown
      .filter(({ name }) => name === product)
      .map(({ version }) => ({ host, complete: false, versions: [], registered: version }));
  }
  return known.map(({ state, versions, registered }) =>
    seenOnHost({ host, state, registered, versions: versions.map(({ version }) => version) }),
  );
}
