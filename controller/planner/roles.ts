import { didYouMean } from '../documents/nearest.ts';
import { errorAt, type PlanError } from './errors.ts';
import type { FleetView, HostView } from './fleet-view.ts';
import type { ClusterRule, Policy } from './policy.ts';

export type Role = 'active' | 'standby';

/** A cluster whose members' roles the probe has told without contradiction. */
export interface KnownCluster {
  name: string;
  rule: ClusterRule;
  /** Of all members, planned or not. */
  roles: ReadonlyMap<string, Role>;
}

export interface Roles {
  /** By cluster name, for those that can be patched. */
  known: ReadonlyMap<string, KnownCluster>;
  /** By cluster name: why none of its members may be touched. */
  doubtful: ReadonlyMap<string, string>;
  errors: PlanError[];
}

/** Looks at the clusters of the given hosts. A cluster is only touched while all of its members are known to be well. */
export function findRoles(policy: Policy, fleet: FleetView, hosts: readonly HostView[]): Roles {
  const known = new Map<string, KnownCluster>();
  const doubtful = new Map<string, string>();
  const errors: PlanError[] = unknownNames(policy, fleet);
  for (const cluster of clustersOf(hosts)) {
    const members = cluster.members.flatMap(member => fleet.hosts.get(member) ?? []);
    const rule = ruleFor(policy, cluster.name, members);
    if ('error' in rule) {
      errors.push(rule.error);
      continue;
    }
    const roles = rolesOf(rule.rule, members);
    if ('doubt' in roles) doubtful.set(cluster.name, roles.doubt);
    else known.set(cluster.name, { name: cluster.name, rule: rule.rule, roles: roles.roles });
  }
  return { known, doubtful, errors };
}

function clustersOf(hosts: readonly HostView[]) {
  const clusters = new Map(hosts.flatMap(({ cluster }) => (cluster ? [[cluster.name, cluster] as const] : [])));
  return [...clusters.values()];
}

/** A rule without `when` goes by its name, which must then be that of a cluster. */
function unknownNames(policy: Policy, fleet: FleetView): PlanError[] {
  const names = new Set([...fleet.hosts.values()].flatMap(({ cluster }) => cluster?.name ?? []));
  return policy.clusters
    .filter(rule => rule.when === null && !names.has(rule.name))
    .map(rule =>
      errorAt(
        rule.place,
        `there is no cluster ${rule.name} in the landscape${didYouMean(rule.name, [...names])}; give "when" to say which are meant`,
      ),
    );
}

function ruleFor(
  policy: Policy,
  cluster: string,
  members: readonly HostView[],
): { rule: ClusterRule } | { error: PlanError } {
  for (const rule of policy.clusters) {
    if (rule.when === null) {
      if (rule.name === cluster) return { rule };
      continue;
    }
    const answers = new Set<boolean>();
    for (const member of members) {
      const answer = rule.when.holds({ host: member.subject });
      if (!answer.ok)
        return {
          error: errorAt(rule.place, `whether it is about ${member.host.name} cannot be said: ${answer.error}`),
        };
      answers.add(answer.value);
    }
    if (answers.size > 1)
      return { error: errorAt(rule.place, `it splits cluster ${cluster}: it is about some of its members only`) };
    if (answers.has(true)) return { rule };
  }
  const message = `cluster ${cluster} has no entry in clusters: say how its active member is found ("activeWhen")`;
  return { error: errorAt(policy.clusters[0]?.place ?? policy.select.place, message) };
}

function rolesOf(rule: ClusterRule, members: readonly HostView[]): { roles: Map<string, Role> } | { doubt: string } {
  if (members.length < 2) return { doubt: 'it is the only member, so nothing covers for it' };
  const roles = new Map<string, Role>();
  for (const { host, facts, unreachable } of members) {
    if (facts === null) return { doubt: `the role of ${host.name} is not known: ${unreachable}` };
    const answer = rule.activeWhen.holds({ facts });
    if (!answer.ok)
      return { doubt: `the role of ${host.name} is not known: its probe gives no answer (${answer.error})` };
    roles.set(host.name, answer.value ? 'active' : 'standby');
  }
  const active = [...roles].filter(([, role]) => role === 'active').map(([name]) => name);
  if (active.length === 0) return { doubt: 'no member says that it is active' };
  if (active.length > 1) return { doubt: `${active.join(' and ')} both say that they are active` };
  return { roles };
}
