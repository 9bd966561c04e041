import type { Clock } from '@tidemark/shared/base/clock.ts';
import { SECTIONS } from '@tidemark/shared/inventory/kinds.ts';
import type { InventoryService } from '../inventory/service.ts';
import { type GivenFile, importGiven } from '../landscape/by-hand.ts';
import { openConnector, type SourceLimits } from '../landscape/connectors/open.ts';
import { ansibleList, hostsCsv } from '../landscape/export.ts';
import { impactOf } from '../landscape/impact.ts';
import { KNOWN_OS_SUPPORT } from '../landscape/os-support.ts';
import type { LandscapeIncidents } from '../landscape/ports.ts';
import { createLandscape, type LandscapeService } from '../landscape/service.ts';
import { createSources } from '../landscape/sources.ts';
import { type KnownOs, standingsOf } from '../landscape/standing.ts';
import type { SeenHost } from '../landscape/suggest.ts';
import { createSuggestions } from '../landscape/suggestions.ts';
import type { PlannerLandscape } from '../planner/input.ts';
import { landscapeStore } from '../store/landscape.ts';
import { createSourceStore, createSuggestionStore } from '../store/landscape-sources.ts';
import { agentsByName } from '../store/planner.ts';
import type { Store } from '../store/store.ts';

type Inventory = Pick<InventoryService, 'latest'>;

export interface LandscapeWiring {
  store: Store;
  clock: Clock;
  inventory: Inventory;
  limits: SourceLimits;
  incidents: LandscapeIncidents;
}

/** The landscape, its sources and what agents saw of it, over the store. */
export function wireLandscape({ store, clock, inventory, limits, incidents }: LandscapeWiring) {
  const kept = landscapeStore(store);
  const landscape = createLandscape({
    store: kept,
    clock,
    agents: () => seenHosts(store, inventory, ['interfaces']).then(named),
  });
  const landscapeSources = createSources({
    store: createSourceStore(store),
    imports: kept,
    landscape,
    open: (source, elsewhere) => openConnector(source, limits, elsewhere),
    incidents,
    clock,
  });
  const suggestions = createSuggestions({
    store: createSuggestionStore(store),
    landscape,
    seen: () => seenHosts(store, inventory, ['interfaces', 'sockets', 'peers']),
    clock,
  });
  return {
    landscape: {
      ...landscape,
      importLandscape: (given: GivenFile) => importGiven(landscape, given),
      /** What stands still with a host, or with one component of it; null where the landscape does not know it. */
      async impact({ host, component }: { host: string; component: string | null }) {
        const current = await landscape.current();
        const own =
          current?.components.filter(each => each.host === host && (component === null || each.name === component)) ??
          [];
        const isKnown = component === null ? current?.hosts.some(({ name }) => name === host) : own.length > 0;
        return current && isKnown ? impactOf(current, own) : null;
      },
      /** What is in force for each host, or for one. */
      async standings(host: string | null) {
        const current = await landscape.current();
        if (!current) return [];
        const systems = await systemsByName(store, inventory);
        const all = standingsOf(current, name => systems.get(name) ?? null, KNOWN_OS_SUPPORT);
        return [...all].flatMap(([name, own]) =>
          host === null || host === name ? own.map(each => ({ host: name, ...each })) : [],
        );
      },
      async ansible() {
        const current = await landscape.current();
        return current && ansibleList(current);
      },
      async csv() {
        const current = await landscape.current();
        return current && hostsCsv(current);
      },
    },
    landscapeSources,
    suggestions,
  };
}

const named = (seen: readonly SeenHost[]) => seen.map(({ host, addresses }) => ({ name: host, addresses }));

/** What a plan is made from: the landscape, with what is in force for its hosts and which of its sources are stale. */
export async function plannedLandscape(from: {
  landscape: Pick<LandscapeService, 'current'>;
  landscapeSources: Pick<ReturnType<typeof createSources>, 'stale'>;
  osOf: () => Promise<ReadonlyMap<string, KnownOs>>;
}): Promise<PlannerLandscape | null> {
  const current = await from.landscape.current();
  if (!current) return null;
  const systems = await from.osOf();
  const standings = standingsOf(current, host => systems.get(host) ?? null, KNOWN_OS_SUPPORT);
  const stale = (await from.landscapeSources.stale()).map(({ why }) => why);
  return { ...current, standings, stale };
}

/** Which system each host runs, by its name. */
export async function systemsByName(store: Store, inventory: Inventory): Promise<Map<string, KnownOs>> {
  const [agents, facts] = [await agentsByName(store), await inventory.latest(['os'])];
  return new Map(
    [...agents].flatMap(([name, { id }]) => {
      const os = SECTIONS.os.safeParse(facts.get(id)?.facts['os']).data;
      return os ? [[name, { id: os.id, version: os.version || os.release }] as const] : [];
    }),
  );
}

/** What agents that may work saw of these kinds; facts come from servers, and each may be missing or of another form. */
async function seenHosts(store: Store, inventory: Inventory, kinds: readonly string[]): Promise<SeenHost[]> {
  const [agents, facts] = [await agentsByName(store), await inventory.latest(kinds)];
  return [...agents].flatMap(([host, { id, state }]) => {
    if (state !== 'enrolled') return [];
    const known = facts.get(id)?.facts ?? {};
    const interfaces = SECTIONS.interfaces.safeParse(known['interfaces']).data ?? [];
    const addresses = interfaces.flatMap(each => each.addresses).flatMap(address => address.split('/', 1));
    return [
      {
        host,
        addresses: addresses.filter(address => !/^(127\.|::1$|fe80:)/i.test(address)),
        sockets: SECTIONS.sockets.safeParse(known['sockets']).data ?? [],
        peers: SECTIONS.peers.safeParse(known['peers']).data ?? [],
      },
    ];
  });
}
