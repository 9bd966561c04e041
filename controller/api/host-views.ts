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
  inventory: {
    latestOf(hostId: string): Promise<{ facts: Record<string, unknown>; observedAt: number } | null>;
    inventoryOf(hostId: string): Promise<{ observedAt: number; refused: readonly string[] } | null>;
    changes(
      hostId: string,
      since: number,
    ): Promise<{ changes: OutputOf<'listChanges'>['changes']; truncated: boolean }>;
  };
  isFresh(observedAt: number): boolean;
  now(): number;
}

/** Hosts as people see them: those that the landscape names and those that enrolled, together, by name. */
export function createHostViews({
  landscape,
  enrolment,
  inventory,
  isFresh,
  now,
}: HostSources): Omit<Services['hosts'], 'dryRun'> {
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

  type Loaded = Awaited<ReturnType<typeof load>>;
  const detailOf = async ({ current, planned }: Loaded, summary: Summary): Promise<OutputOf<'getHost'>> => {
    const { name, id } = summary;
    const facts = id === null ? null : await inventory.latestOf(id);
    const known = id === null ? null : await inventory.inventoryOf(id);
    return {
      ...summary,
      attributes: planned.get(name)?.attributes ?? {},
      components: (current?.components ?? []).filter(one => one.host === name).map(one => one.name),
      clusters: (current?.clusters ?? []).filter(one => one.members.includes(name)).map(one => one.name),
      facts: facts?.facts ?? null,
      factsObservedAt: facts?.observedAt ?? null,
      factsStale: facts !== null && !isFresh(facts.observedAt),
      factsRefused: [...(known?.refused ?? [])],
    };
  };

  return {
    changes: async (name, since) => {
      const summary = (await load()).summaries.find(host => host.name === name);
      if (!summary) return null;
      const known = summary.id === null ? null : await inventory.inventoryOf(summary.id);
      const told = summary.id === null ? { changes: [], truncated: false } : await inventory.changes(summary.id, since);
      return {
        ...{ host: name, since, ...told },
        factsObservedAt: known?.observedAt ?? null,
        factsAgeMs: known === null ? null : Math.max(0, now() - known.observedAt),
        factsStale: known !== null && !isFresh(known.observedAt),
      };
    },
    list: async () => (await load()).summaries,
    get: async name => {
      const loaded = await load();
      const summary = loaded.summaries.find(host => host.name === name);
      return summary ? detailOf(loaded, summary) : null;
    },
    page: async (after, limit) => {
      const loaded = await load();
      const rest = loaded.summaries.filter(({ name }) => name > after);
      const shown = await Promise.all(rest.slice(0, limit).map(summary => detailOf(loaded, summary)));
      const { version, digest } = loaded.current ?? {};
      return {
        hosts: shown,
        next: rest.length > limit ? (shown.at(-1)?.name ?? null) : null,
        landscape: version === undefined || digest === undefined ? null : { version, digest },
      };
    },
  };
}
