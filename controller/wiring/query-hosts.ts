import type { HostSubject } from '../planner/cel.ts';
import { viewFleet } from '../planner/fleet-view.ts';
import type { AgentRecord, PlannerLandscape } from '../planner/input.ts';
import type { KnownHost, QuerySources } from '../queries/ports.ts';

export interface HostSources {
  landscape(): Promise<PlannerLandscape | null>;
  /** Of the landscape that is in force: what is known of it stays known until there is another. */
  landscapeVersion(): Promise<number>;
  agents(): Promise<ReadonlyMap<string, AgentRecord>>;
  /** When the inventory of each host was looked at last, by host id. */
  observed(): Promise<ReadonlyMap<string, number>>;
}

/** Hosts of the landscape and those that only have an agent, as queries see them. */
export function queryHosts(sources: HostSources): QuerySources {
  let known: { version: number; subjects: ReadonlyMap<string, HostSubject> } = { version: -1, subjects: new Map() };
  const subjects = async () => {
    const version = await sources.landscapeVersion();
    if (version === known.version) return known.subjects;
    const landscape = await sources.landscape();
    const view = viewFleet({
      landscape: landscape ?? { version: 0, hosts: [], components: [], clusters: [] },
      agents: new Map(),
      facts: new Map(),
      factsMaxAgeMs: 0,
      now: 0,
    });
    known = { version, subjects: new Map([...view.hosts].map(([name, { subject }]) => [name, subject])) };
    return known.subjects;
  };
  return {
    hosts: async () => {
      const [said, agents, observed] = await Promise.all([subjects(), sources.agents(), sources.observed()]);
      const names = [...new Set([...said.keys(), ...agents.keys()])].sort();
      return names.map((name): KnownHost => {
        const agent = agents.get(name);
        const id = agent?.state === 'enrolled' ? agent.id : null;
        return {
          said: saidOf(said.get(name) ?? { ...NOTHING, name }),
          id,
          observedAt: (id && observed.get(id)) || null,
        };
      });
    },
  };
}

const NOTHING: HostSubject = {
  ...{ name: '', app: '', application: '', env: '', environment: '', cluster: '', role: '' },
  ...{ tags: [], attributes: {}, tiers: [], components: [], products: [] },
};

const saidOf = ({
  tags,
  tiers,
  components,
  products,
  attributes,
  clusterRole: _,
  ...texts
}: HostSubject): KnownHost['said'] => ({
  ...texts,
  tags: [...tags],
  tiers: [...tiers],
  components: [...components],
  products: [...products],
  attributes: { ...attributes },
});
