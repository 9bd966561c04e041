import { type Change, changesOf } from './changes.ts';
import { errorAt, type PlanError } from './errors.ts';
import type { FleetView, HostView } from './fleet-view.ts';
import type { PlannerBundle } from './input.ts';
import type { PackageChange } from './package-changes.ts';
import type { Policy } from './policy.ts';
import { findRoles, type KnownCluster, quorumProblem, type Role } from './roles.ts';
import type { Unit, Units } from './units.ts';

/** A host that gets an order. */
export interface Candidate {
  view: HostView;
  id: string;
  facts: Readonly<Record<string, unknown>>;
  /** Both empty for a host that only stops and starts with the others of its unit. */
  changes: readonly Change[];
  packages: readonly PackageChange[];
  /** Null where it is a unit of its own. */
  unit: Unit | null;
  cluster: KnownCluster | null;
  role: Role | null;
}

export interface Population {
  candidates: Candidate[];
  /** Selected, and yet left out: by host name. Every selected host is in exactly one of the two. */
  excluded: Map<string, string>;
  errors: PlanError[];
}

/** Who of the selected hosts is patched, and why the others are not. */
export function choosePopulation(
  policy: Policy,
  fleet: FleetView,
  selected: readonly HostView[],
  units: Units,
  bundle: PlannerBundle,
  /** What the policy demands and they do not have, by host. */
  lacking: ReadonlyMap<string, string> = new Map(),
): Population {
  const repairs = policy.steps.some(({ kind }) => kind === 'package/repair');
  const changes = new Map(
    selected.map(view => {
      const reason = lacking.get(view.host.name);
      const own = reason === undefined ? changesOf(view, bundle, repairs) : { none: 'blocked' as const, reason };
      return [view.host.name, own] as const;
    }),
  );
  const excluded = new Map<string, string>();
  const clustered = selected.filter(
    view => 'changes' in (changes.get(view.host.name) ?? {}) || units.byHost.has(view.host.name),
  );
  const roles = findRoles(
    policy,
    fleet,
    clustered.filter(view => view.facts !== null),
  );

  for (const view of selected) {
    const { name } = view.host;
    const own = changes.get(name);
    const doubt = view.cluster ? roles.doubtful.get(view.cluster.name) : undefined;
    const cluster = view.cluster ? roles.known.get(view.cluster.name) : undefined;
    const noQuorum = cluster ? quorumProblem(cluster, name) : null;
    // Within a unit a host takes part without a change of its own, so only what blocks it is looked at here.
    const inUnit = units.byHost.has(name);
    if (own && 'none' in own && (!inUnit || own.none === 'blocked')) excluded.set(name, own.reason);
    else if (inUnit && view.unreachable !== null) excluded.set(name, view.unreachable);
    else if (doubt !== undefined) excluded.set(name, `cluster ${view.cluster?.name}: ${doubt}`);
    else if (noQuorum !== null) excluded.set(name, noQuorum);
  }
  for (const unit of new Set(units.byHost.values())) excludeUnit(unit, changes, excluded);

  const candidates = selected.flatMap((view): Candidate[] => {
    const own = changes.get(view.host.name);
    if (excluded.has(view.host.name) || view.id === null || view.facts === null || !own) return [];
    const cluster = view.cluster ? (roles.known.get(view.cluster.name) ?? null) : null;
    return [
      {
        view,
        id: view.id,
        facts: view.facts,
        changes: 'changes' in own ? own.changes : [],
        packages: 'packages' in own ? own.packages : [],
        unit: units.byHost.get(view.host.name) ?? null,
        cluster,
        role: cluster?.roles.get(view.host.name) ?? null,
      },
    ];
  });
  return { candidates, excluded, errors: [...roles.errors] };
}

/** A unit is patched as a whole or not at all. */
function excludeUnit(
  unit: Unit,
  /** Of the selected hosts. */
  changes: ReadonlyMap<string, ReturnType<typeof changesOf>>,
  excluded: Map<string, string>,
): void {
  const members = unit.hosts.filter(name => changes.has(name));
  if (members.length === 0) return;
  const excludeRest = (reason: (name: string) => string) => {
    for (const name of members) if (!excluded.has(name)) excluded.set(name, reason(name));
  };
  const notSelected = unit.hosts.find(name => !changes.has(name));
  const blocked = members.find(name => excluded.has(name));
  if (notSelected !== undefined)
    excludeRest(() => `${unit.name} stops as a whole, and ${notSelected} of it is not selected`);
  else if (blocked !== undefined) {
    const why = excluded.get(blocked);
    excludeRest(() => `${unit.name} stops as a whole, and ${blocked} is left out: ${why}`);
  } else if (!members.some(name => 'changes' in (changes.get(name) ?? {}))) {
    excludeRest(name => {
      const own = changes.get(name);
      return own && 'none' in own ? own.reason : 'there is nothing to change';
    });
  }
}

/** An error where nobody is left: a plan that does nothing is none. */
export function nobodyLeft(policy: Policy, { candidates, excluded }: Population): PlanError[] {
  if (candidates.length > 0) return [];
  const byReason = Map.groupBy(excluded, ([, reason]) => reason);
  const reasons = [...byReason].map(([reason, hosts]) => `${hosts.map(([name]) => name).join(', ')}: ${reason}`);
  const shown = reasons.slice(0, 10).join('; ');
  const rest = reasons.length > 10 ? `; and ${reasons.length - 10} more reasons` : '';
  return [errorAt(policy.select.place, `nothing is left to patch: ${shown}${rest}`)];
}
