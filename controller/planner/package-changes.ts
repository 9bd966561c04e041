import type { InstalledPackage } from '@tidemark/shared/inventory/kinds/software.ts';
import { packagesIn } from '@tidemark/shared/inventory/packages.ts';
import {
  type BundlePackage,
  type ExactPackage,
  familyOf,
  PackageVersion,
} from '@tidemark/shared/orders/kinds/package.ts';
import { familyOfManager, VERSION_ORDER } from '@tidemark/shared/versions/package-family.ts';
import { type HostView, listed } from './fleet-view.ts';
import type { PlannerBundle, PlannerComponent } from './input.ts';

/** A package of the operating system that is on a host in an older version than the bundle's. */
export interface PackageChange {
  from: string;
  to: ExactPackage;
  /** That run from it, by name. Empty where no component names it: then nobody knows what does. */
  components: readonly PlannerComponent[];
}

/** `blocked`: it should change and cannot; `idle`: there is nothing to change. */
export interface Idle {
  none: 'blocked' | 'idle';
  reason: string;
}

/**
 * What the bundle's packages change on a host, or why nothing; null where the bundle has no packages. `repairs`: the policy
 * has the step that finishes what was left half way.
 */
export function packageChangesOf(
  view: HostView,
  bundle: PlannerBundle,
  repairs: boolean,
): { packages: PackageChange[] } | Idle | null {
  if (bundle.packages.length === 0) return null;
  if (view.facts === null) return { none: 'blocked', reason: view.unreachable ?? 'nothing is known about it' };
  const known = packagesFact(view.facts);
  if (!known) return { none: 'idle', reason: 'its agent reports no packages of the operating system' };
  const family = familyOfManager(known.manager);
  if (!family)
    return { none: 'blocked', reason: `its packages are ${known.manager}'s, whose versions cannot be compared here` };
  const own = bundle.packages.filter(each => familyOf(each) === family).map(exactly);
  if (own.length === 0)
    return {
      none: 'idle',
      reason: `bundle ${bundle.name} has no ${family} packages, which are what ${known.manager} installs on it`,
    };
  const present = own.flatMap(to => {
    const from = installedVersion(known.installed, to);
    return from === null ? [] : [{ from, to }];
  });
  if (present.length === 0) return { none: 'idle', reason: `no package of bundle ${bundle.name} is installed on it` };
  const compare = VERSION_ORDER[family];
  const odd = present.find(({ from }) => !PackageVersion.safeParse(from).success);
  if (odd) return { none: 'blocked', reason: `its agent reports ${odd.to.name} "${odd.from}", which is no version` };
  const older = present.filter(({ from, to }) => compare(from, to.version) < 0);
  const names = older.map(({ to }) => to.name);
  if (older.length === 0) return { none: 'idle', reason: listed(present.map(each => whyNot(each, compare))) };
  const held = names.filter(name => known.held.includes(name));
  if (held.length > 0)
    return { none: 'blocked', reason: `${listed(held)} is held there: its owner wants no change of it` };
  if (known.broken.length > 0 && !repairs)
    return {
      none: 'blocked',
      reason: `${listed(known.broken)} was left half way there: repair it first, or list package/repair in the policy`,
    };
  return { packages: older.map(each => ({ ...each, components: componentsOf(view, each.to.name) })) };
}

/** Orders name no family: what is in one is for one server. */
export const exactly = ({ family: _, ...exact }: BundlePackage): ExactPackage => exact;

const componentsOf = (view: HostView, name: string): PlannerComponent[] =>
  view.components.filter(component => component.package === name);

function whyNot({ from, to }: { from: string; to: ExactPackage }, compare: (a: string, b: string) => number): string {
  return compare(from, to.version) === 0
    ? `is on ${to.name} ${to.version} already`
    : `has ${to.name} ${from}, which is newer than ${to.version} of the bundle`;
}

interface Known {
  manager: string;
  installed: ReadonlyMap<string, string>;
  held: string[];
  broken: string[];
}

/** Facts come from the host: every part of them may be missing or of another kind. */
export function packagesFact(facts: Readonly<Record<string, unknown>>): Known | null {
  const known = packagesIn(facts);
  if (!known) return null;
  const keysOf = (has: (each: InstalledPackage) => boolean) =>
    [...known.byKey].flatMap(([key, each]) => (has(each) ? [key] : []));
  return {
    manager: known.manager,
    installed: new Map([...known.byKey].map(([key, { version }]) => [key, version])),
    held: keysOf(({ held }) => held),
    broken: keysOf(({ state }) => state !== 'installed'),
  };
}

/** Of the architecture that is asked for; the server's own where none is. */
export function installedVersion(installed: ReadonlyMap<string, string>, { name, architecture }: ExactPackage) {
  const foreign = architecture === null ? undefined : installed.get(`${name}:${architecture}`);
  return foreign ?? installed.get(name) ?? null;
}
