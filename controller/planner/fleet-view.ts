import type { HostSubject } from './cel.ts';
import type { CompileInput, PlannerComponent, PlannerHost } from './input.ts';

/** The landscape, agents and facts, joined by host. */
export interface FleetView {
  /** By name, sorted. */
  hosts: ReadonlyMap<string, HostView>;
}

export interface HostView {
  host: PlannerHost;
  /** By name, sorted. */
  components: readonly PlannerComponent[];
  cluster: { name: string; members: readonly string[] } | null;
  /** As conditions see it, without its role in a cluster. */
  subject: HostSubject;
  /** Null without an agent that may work. */
  id: string | null;
  /** Null where there are none, or none that are recent enough. */
  facts: Readonly<Record<string, unknown>> | null;
  /** Why nothing can be planned on it, whatever the policy: no agent, or one that is silent. */
  unreachable: string | null;
}

/** What is known of hosts, without what is to be done on them. */
export type KnownFleet = Pick<CompileInput, 'landscape' | 'agents' | 'facts' | 'factsMaxAgeMs' | 'now'>;

export function viewFleet(input: KnownFleet): FleetView {
  const components = Map.groupBy([...input.landscape.components].sort(byName), component => component.host);
  const clusters = new Map(
    input.landscape.clusters.flatMap(cluster => cluster.members.map(member => [member, cluster] as const)),
  );
  const hosts = [...input.landscape.hosts].sort(byName).map(host => {
    const own = components.get(host.name) ?? [];
    const cluster = clusters.get(host.name) ?? null;
    return [
      host.name,
      { host, components: own, cluster, subject: subjectOf(host, own, cluster), ...agentOf(input, host) },
    ] as const;
  });
  return { hosts: new Map(hosts) };
}

function agentOf(input: KnownFleet, { name }: PlannerHost): Pick<HostView, 'id' | 'facts' | 'unreachable'> {
  const agent = input.agents.get(name);
  if (!agent) return { id: null, facts: null, unreachable: 'no agent is enrolled on it' };
  if (agent.state !== 'enrolled') return { id: null, facts: null, unreachable: `its agent is ${agent.state}` };
  const known = input.facts.get(agent.id);
  if (!known) return { id: agent.id, facts: null, unreachable: 'its agent has reported no facts yet' };
  if (input.now - known.observedAt > input.factsMaxAgeMs) {
    const since = new Date(known.observedAt).toISOString();
    return { id: agent.id, facts: null, unreachable: `its agent is silent: the last facts are from ${since}` };
  }
  return { id: agent.id, facts: known.facts, unreachable: null };
}

function subjectOf(
  host: PlannerHost,
  components: readonly PlannerComponent[],
  cluster: { name: string } | null,
): HostSubject {
  const tiers = distinct(components.map(component => component.tier));
  return {
    name: host.name,
    app: host.application ?? '',
    application: host.application ?? '',
    env: host.environment ?? '',
    environment: host.environment ?? '',
    tags: host.tags,
    attributes: host.attributes,
    cluster: cluster?.name ?? '',
    tiers,
    components: components.map(component => component.name),
    products: distinct(components.map(component => component.product)),
    role: roleOf(host, tiers),
  };
}

/** The attribute `role`; without one, the only tier of its components; else empty. */
export function roleOf({ attributes }: Pick<PlannerHost, 'attributes'>, tiers: readonly string[]): string {
  const role = attributes['role'];
  if (typeof role === 'string') return role;
  return tiers.length === 1 ? (tiers[0] ?? '') : '';
}

export const byName = (a: { name: string }, b: { name: string }): number => compareText(a.name, b.name);

/** By code units: the same on every machine, whatever its language. */
export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Sorted, each once, without what is not there. */
export const distinct = (texts: readonly (string | null)[]): string[] =>
  [...new Set(texts.filter(text => text !== null))].sort(compareText);

/** Adds to the list under a key. Lists grow in place: copied at each step, those of large fleets would take minutes. */
export function append<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

/** `a, b and 3 more`: for messages. */
export function listed(names: readonly string[], most = 5): string {
  const shown = names.slice(0, most).join(', ');
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}
