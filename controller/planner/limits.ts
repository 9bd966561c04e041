import type { PlanHeader } from '@tidemark/shared/orders/plan.ts';
import { errorAt, type PlanError } from './errors.ts';
import { distinct, type FleetView, listed } from './fleet-view.ts';
import type { Policy } from './policy.ts';
import type { Candidate } from './population.ts';
import type { MinInService } from './quantities.ts';
import { hostsByApplication, type Units } from './units.ts';

type Limit = PlanHeader['limits'][number];

/** How many hosts may be out of service at once. What cannot bind in this plan can bind in two that run together. */
export function findLimits(
  policy: Policy,
  fleet: FleetView,
  units: Units,
  candidates: readonly Candidate[],
): { limits: Limit[]; errors: PlanError[] } {
  const errors: PlanError[] = [];
  const limits = [...clusterLimits(candidates), ...tierLimits(policy, fleet, units, candidates, errors)];
  for (const limit of limits) errors.push(...tornByUnits(policy, limit, candidates));
  return { limits, errors };
}

/** One member at a time, always. */
function clusterLimits(candidates: readonly Candidate[]): Limit[] {
  const clusters = Map.groupBy(
    candidates.filter(({ cluster }) => cluster !== null),
    ({ cluster }) => cluster?.name ?? '',
  );
  return [...clusters].map(([name, members]) => ({
    name: `cluster ${name}`,
    key: `cluster/${name}`,
    hosts: distinct(members.map(({ view }) => view.host.name)),
    maxOut: 1,
    reason: `the members of cluster ${name} cover for each other`,
  }));
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
  for (const [application, hosts] of hostsByApplication(fleet)) {
    if (units.spans.get(application) === 'application') continue;
    for (const { name: tier, minInService, place } of policy.tiers.order) {
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
  // The rounding keeps 7 % of 100 from becoming 8 hosts by the last bit of a double.
  'count' in minInService ? minInService.count : Math.ceil(Number((minInService.share * all).toFixed(6)));

/** A unit stops as a whole: where it has more hosts of one limit than may be out, it could never begin. */
function tornByUnits(policy: Policy, limit: Limit, candidates: readonly Candidate[]): PlanError[] {
  const inLimit = new Set(limit.hosts);
  const byUnit = Map.groupBy(
    candidates.filter(({ unit, view }) => unit !== null && inLimit.has(view.host.name)),
    ({ unit }) => unit?.name ?? '',
  );
  return [...byUnit]
    .filter(([, members]) => members.length > limit.maxOut)
    .map(([unit, members]) => {
      const names = listed(members.map(({ view }) => view.host.name));
      return errorAt(
        policy.tiers.place,
        `${unit} stops ${names} together, and of ${limit.name} only ${limit.maxOut} may be out at once`,
      );
    });
}
