import type { PlanHeader } from '@tidemark/shared/orders/plan.ts';
import { errorAt, type PlanError } from './errors.ts';
import { append, compareText, distinct, type FleetView, type HostView, listed } from './fleet-view.ts';
import type { LimitRule, Policy } from './policy.ts';
import type { Candidate } from './population.ts';
import { atLeast, atMost, type MinInService } from './quantities.ts';
import { hostsByApplication, type Units } from './units.ts';

type Limit = PlanHeader['limits'][number];

/**
 * How many hosts may be out of service at once, over all runs. What cannot bind in this plan can bind in two that run
 * together. Of two rules about the same hosts the stricter one is taken.
 */
export function findLimits(
  policy: Policy,
  fleet: FleetView,
  units: Units,
  candidates: readonly Candidate[],
): { limits: Limit[]; errors: PlanError[] } {
  const errors: PlanError[] = [];
  const all = [
    ...clusterLimits(policy, candidates),
    ...tierLimits(policy, fleet, units, candidates, errors),
    ...policy.limits.flatMap(rule => shareLimits(rule, fleet, candidates)),
  ];
  const byKey = new Map<string | null, Limit>();
  for (const limit of all) {
    const known = byKey.get(limit.key);
    if (!known || limit.maxOut < known.maxOut) byKey.set(limit.key, limit);
  }
  const limits = [...byKey.values()];
  return { limits, errors: [...errors, ...tornByUnits(policy, limits, candidates)] };
}

/** One member at a time, unless the policy allows more; never so many that too few are left. */
function clusterLimits(policy: Policy, candidates: readonly Candidate[]): Limit[] {
  const most = policy.limits.find(({ per }) => per === 'cluster')?.maxUnavailable ?? 1;
  const clusters = Map.groupBy(
    candidates.filter(({ cluster }) => cluster !== null),
    ({ cluster }) => cluster?.name ?? '',
  );
  return [...clusters].map(([name, members]) => {
    const { roles, minHealthy } = members[0]?.cluster ?? { roles: new Map(), minHealthy: 1 };
    return {
      name: `cluster ${name}`,
      key: `cluster/${name}`,
      hosts: distinct(members.map(({ view }) => view.host.name)),
      maxOut: Math.max(1, Math.min(mostOf(most, roles.size), roles.size - minHealthy)),
      reason: `the members of cluster ${name} cover for each other`,
    };
  });
}

/** Applications that roll keep so many hosts of a tier in service; those that cannot are out as a whole anyway. */
function tierLimits(
  policy: Policy,
  fleet: FleetView,
  units: Units,
  candidates: readonly Candidate[],
  errors: PlanError[],
): Limit[] {
  const planned = new Set(candidates.map(({ view }) => view.host.name));
  const limits: Limit[] = [];
  const tiers = policy.tiers.order.filter(({ minInService }) => minInService !== null);
  if (tiers.length === 0) return [];
  for (const [application, hosts] of hostsByApplication(fleet)) {
    if (units.spans.get(application) === 'application') continue;
    for (const { name: tier, minInService, place } of tiers) {
      if (minInService === null) continue;
      const all = hosts.filter(({ components }) =>
        components.some(component => component.application === application && component.tier === tier),
      );
      const touched = all.filter(({ host }) => planned.has(host.name)).map(({ host }) => host.name);
      if (touched.length === 0) continue;
      const needed = neededOf(minInService, all.length);
      // Whoever is silent may be down: it is not counted on.
      const silent = all.filter(({ unreachable }) => unreachable !== null).map(({ host }) => host.name);
      const maxOut = all.length - needed - silent.length;
      const reason = `tier ${tier} of ${application} keeps ${needed} of ${all.length} hosts in service`;
      const key = `tier/${application}/${tier}`;
      if (maxOut >= 1) limits.push({ name: `tier ${tier} of ${application}`, key, hosts: touched, maxOut, reason });
      else {
        const without = silent.length > 0 ? `; ${listed(silent)} cannot be counted on` : '';
        errors.push(errorAt(place, `${reason}${without}: none of ${listed(touched)} can be taken out`));
      }
    }
  }
  return limits;
}

const neededOf = (minInService: MinInService, all: number): number =>
  'count' in minInService ? minInService.count : atLeast(minInService.share, all);

/** Of a share at least one: a limit that lets nothing out would be no limit but an end. */
const mostOf = (most: LimitRule['maxUnavailable'], all: number): number =>
  typeof most === 'number' ? most : Math.max(1, atMost(most.share, all));

/** `limits` of the policy: so many hosts of each tier, application, or value of an attribute such as a site. */
function shareLimits({ per, maxUnavailable }: LimitRule, fleet: FleetView, candidates: readonly Candidate[]): Limit[] {
  // Clusters have a limit in any case.
  if (per === 'cluster') return [];
  const planned = new Map<string, string[]>();
  for (const { view } of candidates) {
    for (const scope of scopesOf(per, view)) append(planned, scope, view.host.name);
  }
  const sizes = new Map<string, number>();
  for (const view of fleet.hosts.values()) {
    for (const scope of scopesOf(per, view)) sizes.set(scope, (sizes.get(scope) ?? 0) + 1);
  }
  return [...planned]
    .sort(([a], [b]) => compareText(a, b))
    .map(([scope, hosts]) => {
      const maxOut = mostOf(maxUnavailable, sizes.get(scope) ?? hosts.length);
      const name = scope.replaceAll('/', ' ');
      return { name, key: scope, hosts, maxOut, reason: `at most ${maxOut} of ${sizes.get(scope)} hosts of ${name}` };
    });
}

/** Keys of the limits of this kind that the host counts in. */
function scopesOf(per: string, { host, components }: HostView): string[] {
  if (per === 'application') return host.application === null ? [] : [`application/${host.application}`];
  if (per === 'tier') {
    const tiers = components.map(({ application, tier }) =>
      application === null || tier === null ? null : `tier/${application}/${tier}`,
    );
    return distinct(tiers);
  }
  const name = per.slice('attributes.'.length);
  const value = host.attributes[name];
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? [`attribute/${name}/${value}`]
    : [];
}

/** A unit stops as a whole: where it has more hosts of one limit than may be out, it could never begin. */
function tornByUnits(policy: Policy, limits: readonly Limit[], candidates: readonly Candidate[]): PlanError[] {
  const unitOf = new Map(
    candidates.flatMap(({ unit, view }) => (unit === null ? [] : [[view.host.name, unit.name] as const])),
  );
  if (unitOf.size === 0) return [];
  return limits.flatMap(limit => {
    const byUnit = Map.groupBy(
      limit.hosts.filter(host => unitOf.has(host)),
      host => unitOf.get(host) ?? '',
    );
    return [...byUnit]
      .filter(([, members]) => members.length > limit.maxOut)
      .map(([unit, members]) =>
        errorAt(
          policy.tiers.place,
          `${unit} stops ${listed(members)} together, and of ${limit.name} only ${limit.maxOut} may be out at once`,
        ),
      );
  });
}
