import type { OutputOf } from './contract/routes.ts';
import type { Services } from './services.ts';

type Summary = OutputOf<'listHosts'>['hosts'][number];

/** What each of the capabilities knows of hosts. */
export interface HostSources {
  landscape: Pick<Services['landscape'], 'current'>;
  enrolment: {
    hosts(): Promise<
      {
        hostId: string;
        name: string;
        state: 'enrolled' | 'evicted' | 'banned';
        connected: boolean;
        agentVersion: string | null;
        lastSeenMs: number | null;
      }[]
    >;
  };
  inventory: { latestOf(hostId: string): Promise<{ facts: Record<string, unknown>; observedAt: number } | null> };
}

/** Hosts as people see them: those that the landscape names and those that enrolled, together, by name. */
export function createHostViews({ landscape, enrolment, inventory }: HostSources): Omit<Services['hosts'], 'dryRun'> {
  async function load() {
    const [current, enrolled] = await Promise.all([landscape.current(), enrolment.hosts()]);
    const agents = new Map(enrolled.map(agent => [agent.name, agent]));
    const planned = new Map((current?.hosts ?? []).map(host => [host.name, host]));
    const names = [...new Set([...planned.keys(), ...agents.keys()])].sort();
    const summaries = names.map((name): Summary => {
      const agent = agents.get(name);
      const host = planned.get(name);
      return {
        name,
        id: agent?.hostId ?? null,
        state: agent?.state ?? 'not-enrolled',
        connected: agent?.connected ?? false,
        lastSeenAt: agent?.lastSeenMs ?? null,
        agentVersion: agent?.agentVersion ?? null,
        application: host?.application ?? null,
        environment: host?.environment ?? null,
        tags: host?.tags ?? [],
      };
    });
    return { current, planned, summaries };
  }

  return {
    list: async () => (await load()).summaries,
    get: async name => {
      const { current, planned, summaries } = await load();
      const summary = summaries.find(host => host.name === name);
      if (!summary) return null;
      const facts = summary.id === null ? null : await inventory.latestOf(summary.id);
      return {
        ...summary,
        attributes: planned.get(name)?.attributes ?? {},
        components: (current?.components ?? []).filter(one => one.host === name).map(one => one.name),
        clusters: (current?.clusters ?? []).filter(one => one.members.includes(name)).map(one => one.name),
        facts: facts?.facts ?? null,
        factsObservedAt: facts?.observedAt ?? null,
      };
    },
  };
}
