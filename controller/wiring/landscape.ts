import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { GivenFile } from '../landscape/by-hand.ts';
import { importGiven } from '../landscape/by-hand.ts';
import { openConnector, type SourceLimits } from '../landscape/connectors/open.ts';
import type { LandscapeIncidents } from '../landscape/ports.ts';
import { createLandscape } from '../landscape/service.ts';
import { createSources } from '../landscape/sources.ts';
import { landscapeStore } from '../store/landscape.ts';
import { createSourceStore } from '../store/landscape-sources.ts';
import { agentsByName } from '../store/planner.ts';
import type { Store } from '../store/store.ts';

export interface LandscapeWiring {
  store: Store;
  clock: Clock;
  limits: SourceLimits;
  incidents: LandscapeIncidents;
}

/** The landscape and its sources over the store. */
export function wireLandscape({ store, clock, limits, incidents }: LandscapeWiring) {
  const kept = landscapeStore(store);
  const agents = async () =>
    [...(await agentsByName(store))].flatMap(([name, { state }]) =>
      state === 'enrolled' ? [{ name, addresses: [] }] : [],
    );
  const landscape = createLandscape({ store: kept, clock, agents });
  const landscapeSources = createSources({
    store: createSourceStore(store),
    imports: kept,
    landscape,
    open: (source, elsewhere) => openConnector(source, limits, elsewhere),
    incidents,
    clock,
  });
  return {
    landscape: { ...landscape, importLandscape: (given: GivenFile) => importGiven(landscape, given) },
    landscapeSources,
  };
}
