import { errorAt, type PlanError } from './errors.ts';
import { append, compareText, distinct, type FleetView, type HostView } from './fleet-view.ts';
import type { Policy, Span } from './policy.ts';

/** Hosts that stop and start together because an application on them cannot roll. */
export interface Unit {
  /** `application ledger`: with a space, which no host's name has. */
  name: string;
  /** Names, sorted. */
  hosts: readonly string[];
  /** Whose tiers span the hosts, sorted. */
  applications: readonly string[];
}

export interface Units {
  /** By host. Hosts in none are units of their own. */
  byHost: ReadonlyMap<string, Unit>;
  /** Applications with tiers, and whether these span hosts. */
  spans: ReadonlyMap<string, Span>;
  errors: PlanError[];
}

export function findUnits(policy: Policy, fleet: FleetView): Units {
  const errors: PlanError[] = [];
  const hostsOf = hostsByApplication(fleet);
  const spans = new Map<string, Span>();
  for (const [application, hosts] of hostsOf) {
    const span = spanOf(policy, application, hosts);
    if ('error' in span) errors.push(span.error);
    else spans.set(application, span.span);
  }
  const spanning = [...hostsOf].filter(([application]) => spans.get(application) === 'application');
  const units = connected(
    spanning.map(([application, hosts]) => ({ application, hosts: hosts.map(v => v.host.name) })),
  );
  return { byHost: new Map(units.flatMap(unit => unit.hosts.map(host => [host, unit] as const))), spans, errors };
}

/** Hosts with components that have a tier, by the components' application. */
export function hostsByApplication(fleet: FleetView): Map<string, HostView[]> {
  const hosts = new Map<string, HostView[]>();
  for (const view of fleet.hosts.values()) {
    const applications = distinct(view.components.map(({ application, tier }) => (tier === null ? null : application)));
    for (const application of applications) append(hosts, application, view);
  }
  return new Map([...hosts].sort(([a], [b]) => compareText(a, b)));
}

function spanOf(
  policy: Policy,
  application: string,
  hosts: readonly HostView[],
): { span: Span } | { error: PlanError } {
  for (const { when, span, place } of policy.tiers.overrides) {
    const answers = hosts.map(view => ({ view, answer: when.holds({ host: view.subject }) }));
    for (const { view, answer } of answers) {
      if (!answer.ok)
        return { error: errorAt(place, `whether it is about ${view.host.name} cannot be said: ${answer.error}`) };
    }
    const [about, other] = [true, false].map(
      value => answers.find(({ answer }) => answer.ok && answer.value === value)?.view.host.name,
    );
    if (about && other) {
      const message = `it splits application ${application}: it is about ${about} and not about ${other}`;
      return { error: errorAt(place, message) };
    }
    if (about) return { span };
  }
  return { span: policy.tiers.span };
}

/** Applications that share a host are one unit: the host cannot be stopped for one of them alone. */
function connected(groups: readonly { application: string; hosts: readonly string[] }[]): Unit[] {
  const leader = new Map<string, string>();
  const find = (host: string): string => {
    let root = host;
    for (let next = leader.get(root); next !== undefined && next !== root; next = leader.get(root)) root = next;
    leader.set(host, root);
    return root;
  };
  for (const { hosts } of groups) {
    const [first, ...others] = hosts;
    if (first === undefined) continue;
    const root = find(first);
    for (const host of others) leader.set(find(host), root);
  }
  const members = Map.groupBy(leader.keys(), find);
  const applications = Map.groupBy(groups, ({ hosts: [first] }) => find(first ?? ''));
  return [...members].map(([root, hosts]) => {
    const own = (applications.get(root) ?? []).map(group => group.application);
    return { name: `application ${own.join(' + ')}`, hosts: [...hosts].sort(compareText), applications: own };
  });
}
