import { compareReleaseVersions } from '@tidemark/shared/versions/release.ts';
import { type HostView, listed } from './fleet-view.ts';
import type { PlannerBundle, PlannerComponent, PlannerRelease } from './input.ts';
import { type Idle, type PackageChange, packageChangesOf } from './package-changes.ts';

/** A release that is to be put in the place of another one, in one home on one host. */
export interface Change {
  product: string;
  home: string;
  /** Sorted by name; all that run from this home. */
  components: readonly PlannerComponent[];
  from: string;
  /** Versions that lie in the home, the current one among them. */
  available: readonly string[];
  release: PlannerRelease;
}

/** What can stand in a path and in an order. */
const VERSION = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** What the bundle changes on a host, or why it changes nothing. */
export type HostChanges = { changes: Change[]; packages: PackageChange[] } | Idle;

/** Releases and packages alike: where one of them should change and cannot, the host stays as it is. */
export function changesOf(view: HostView, bundle: PlannerBundle, repairs = false): HostChanges {
  const packages = packageChangesOf(view, bundle, repairs);
  if (packages !== null && 'none' in packages && packages.none === 'blocked') return packages;
  const releases = bundle.releases.length > 0 || packages === null ? releaseChangesOf(view, bundle) : null;
  if (releases !== null && 'none' in releases && releases.none === 'blocked') return releases;
  const found = {
    changes: releases !== null && 'changes' in releases ? releases.changes : [],
    packages: packages !== null && 'packages' in packages ? packages.packages : [],
  };
  if (found.changes.length + found.packages.length > 0) return found;
  const reasons = [releases, packages].flatMap(each => (each !== null && 'none' in each ? [each.reason] : []));
  return { none: 'idle', reason: reasons.join('; ') };
}

function releaseChangesOf(view: HostView, bundle: PlannerBundle): { changes: Change[] } | Idle {
  const releases = new Map(bundle.releases.map(release => [release.product, release]));
  const homes = homesOf(view.components.filter(component => releases.has(component.product ?? '')));
  if (homes.length === 0) return { none: 'idle', reason: `no component on it has a product of bundle ${bundle.name}` };
  if (view.facts === null) return { none: 'blocked', reason: view.unreachable ?? 'nothing is known about it' };
  const changes: Change[] = [];
  const current: string[] = [];
  for (const { product, home, components } of homes) {
    const release = releases.get(product);
    const installed = installedAt(view.facts, home);
    if (!release) continue;
    if (!installed)
      return { none: 'blocked', reason: `${product} is not installed there: its agent reports no release in ${home}` };
    if (!VERSION.test(installed.version))
      return { none: 'blocked', reason: `its agent reports ${product} "${installed.version}", which is no version` };
    const order = compareReleaseVersions(installed.version, release.version);
    if (order > 0)
      current.push(`has ${product} ${installed.version}, which is newer than ${release.version} of the bundle`);
    else if (order === 0) current.push(`is on ${product} ${release.version} already`);
    else changes.push({ product, home, components, from: installed.version, available: installed.available, release });
  }
  return changes.length > 0 ? { changes } : { none: 'idle', reason: listed(current) };
}

function homesOf(
  components: readonly PlannerComponent[],
): { product: string; home: string; components: PlannerComponent[] }[] {
  const byHome = Map.groupBy(components, component => `${component.product}\0${component.home}`);
  return [...byHome.values()].flatMap(own => {
    const [first] = own;
    return first?.product && first.home ? [{ product: first.product, home: first.home, components: own }] : [];
  });
}

/** Facts come from the host: every part of them may be missing or of another kind. */
function installedAt(
  facts: Readonly<Record<string, unknown>>,
  home: string,
): { version: string; available: string[] } | null {
  for (const entry of Object.values(record(facts['releases']))) {
    const release = record(entry);
    const version = release['version'];
    if (release['home'] !== home || typeof version !== 'string' || version === '') continue;
    const available = Array.isArray(release['available']) ? release['available'] : [];
    return {
      version,
      available: [...new Set([...available.filter(item => typeof item === 'string'), version])].sort(),
    };
  }
  return null;
}

const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
