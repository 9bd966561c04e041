import { didYouMean } from '@tidemark/shared/base/nearest.ts';
import { errorAt, type PlanError } from './errors.ts';
import { compareText, type FleetView, type HostView, listed } from './fleet-view.ts';
import type { ClusterRule, Policy } from './policy.ts';

export type Role = 'active' | 'standby';

/** A cluster whose members' roles the probe has told without contradiction. */
export interface KnownCluster {
  name: string;
  rule: ClusterRule;
  /** Of all members, planned or not; null where the policy knows no active one. */
  roles: ReadonlyMap<string, Role | null>;
  /** Members in stages: all of one are done before any of the next begins. */
  sequence: readonly (readonly string[])[];
  /** Members that are not well. */
  ill: readonly string[];
  /** Members that must be well beside the one that is taken out. */
  minHealthy: number;
}

/** In which stage of its cluster a member goes. */
export const stageOf = ({ sequence }: KnownCluster, host: string): number =>
  sequence.findIndex(stage => stage.includes(host));

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
    const found = examine(rule.rule, members);
    if ('doubt' in found) doubtful.set(cluster.name, found.doubt);
    else if ('error' in found) errors.push(found.error);
    else known.set(cluster.name, { name: cluster.name, rule: rule.rule, ...found });
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

type Found = Omit<KnownCluster, 'name' | 'rule'>;

/**
 * Roles, sequence and health of all members. A cluster of which one of them is not known is not touched at all: whoever is
 * silent may be down.
 */
function examine(rule: ClusterRule, members: readonly HostView[]): Found | { doubt: string } | { error: PlanError } {
  if (members.length < 2) return { doubt: 'it is the only member, so nothing covers for it' };
  const minHealthy = rule.minHealthy ?? (members.length === 2 ? 1 : Math.floor(members.length / 2) + 1);
  if (minHealthy >= members.length) {
    const text = `minHealthy ${minHealthy} of ${members.length} members lets none be taken out`;
    return { error: errorAt(rule.place, text) };
  }
  const silent = members.find(({ facts }) => facts === null);
  if (silent) return { doubt: `the state of ${silent.host.name} is not known: ${silent.unreachable}` };
  const roles = rolesOf(rule, members);
  if (!(roles instanceof Map)) return roles;
  const sequence = sequenceOf(rule, members, roles);
  if (!Array.isArray(sequence)) return sequence;
  const ill = illMembers(rule, members);
  return Array.isArray(ill) ? { roles, sequence, ill, minHealthy } : ill;
}

function rolesOf(
  { activeWhen }: ClusterRule,
  members: readonly HostView[],
): Map<string, Role | null> | { doubt: string } {
  if (!activeWhen) return new Map(members.map(({ host }) => [host.name, null]));
  const roles = new Map<string, Role>();
  for (const { host, facts } of members) {
    const answer = activeWhen.holds({ facts: facts ?? {} });
    if (!answer.ok)
      return { doubt: `the role of ${host.name} is not known: its probe gives no answer (${answer.error})` };
    roles.set(host.name, answer.value ? 'active' : 'standby');
  }
  const active = [...roles].filter(([, role]) => role === 'active').map(([name]) => name);
  if (active.length === 0) return { doubt: 'no member says that it is active' };
  if (active.length > 1) return { doubt: `${active.join(' and ')} both say that they are active` };
  return roles;
}

/** Who goes before whom: all of a stage are done before any of the next one begins. */
function sequenceOf(
  rule: ClusterRule,
  members: readonly HostView[],
  roles: ReadonlyMap<string, Role | null>,
): string[][] | { doubt: string } | { error: PlanError } {
  const names = members.map(({ host }) => host.name);
  switch (rule.order) {
    case 'inactive-first':
      return [names.filter(name => roles.get(name) !== 'active'), names.filter(name => roles.get(name) === 'active')];
    case 'listed': {
      const missing = names.filter(name => !rule.members.includes(name));
      const strange = rule.members.filter(name => !names.includes(name));
      if (missing.length + strange.length === 0) return rule.members.map(name => [name]);
      const what =
        missing.length > 0 ? `does not list ${listed(missing)}` : `lists ${listed(strange)}, which is no member`;
      return { error: errorAt(rule.place, `the order of cluster ${rule.name} ${what}`) };
    }
    case 'fewest-roles-first': {
      const counts = new Map<string, number>();
      for (const { host, facts } of members) {
        const count = rule.roles?.of({ facts: facts ?? {} });
        if (!count?.ok) return { doubt: `how many roles ${host.name} has is not known (${count?.error})` };
        counts.set(host.name, count.value);
      }
      const sorted = names.toSorted((a, b) => (counts.get(a) ?? 0) - (counts.get(b) ?? 0) || compareText(a, b));
      return sorted.map(name => [name]);
    }
  }
}

function illMembers({ healthyWhen }: ClusterRule, members: readonly HostView[]): string[] | { doubt: string } {
  const ill: string[] = [];
  for (const { host, facts } of members) {
    const answer = healthyWhen?.holds({ facts: facts ?? {} });
    if (answer && !answer.ok) return { doubt: `whether ${host.name} is well is not known (${answer.error})` };
    if (answer && !answer.value) ill.push(host.name);
  }
  return ill;
}

/** Why this member may not be taken out: too few of the others are well. Null where enough are. */
export function quorumProblem({ name, roles, ill, minHealthy }: KnownCluster, host: string): string | null {
  const others = [...roles.keys()].filter(member => member !== host);
  const well = others.filter(member => !ill.includes(member));
  if (well.length >= minHealthy) return null;
  const unwell = others.filter(member => ill.includes(member));
  return `cluster ${name}: ${listed(unwell)} is not well, so only ${well.length} of the ${minHealthy} that must stay would be left without it`;
}
