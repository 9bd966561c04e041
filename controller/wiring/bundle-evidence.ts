import type { Evidence, PromotionSources } from '../bundles/ports.ts';
import type { Orchestrator } from '../orchestrator/service.ts';

/** What the orchestrator and the store of runs say about a bundle. */
export interface RunsOfBundles {
  /** Those that began with it since, oldest first. */
  runsOf(bundle: string, sinceMs: number): Promise<string[]>;
  /** Titles of the open incidents of these runs. */
  openIncidents(runs: readonly string[]): Promise<string[]>;
}

/**
 * What has become of a bundle. A server counts by the newest run that began work on it: one that failed and was then
 * patched by a second run is patched.
 */
export const evidenceOf =
  (runs: RunsOfBundles, orchestrator: Pick<Orchestrator, 'view'>): PromotionSources['evidence'] =>
  async ({ name, ringSince }) => {
    const ids = await runs.runsOf(name, ringSince);
    const outcomes = new Map<string, 'patched' | 'failed' | 'at work'>();
    for (const id of ids) {
      const run = await orchestrator.view(id);
      for (const { host, state, startedAt } of run?.hosts ?? []) {
        if (startedAt === null) continue;
        const working = run?.endedAt === null && state !== 'succeeded';
        outcomes.set(host, state === 'succeeded' ? 'patched' : working ? 'at work' : 'failed');
      }
    }
    const count = (of: string) => [...outcomes.values()].filter(outcome => outcome === of).length;
    const evidence: Evidence = {
      ...{ patched: count('patched'), failed: count('failed'), atWork: count('at work') },
      openIncidents: await runs.openIncidents(ids),
    };
    return evidence;
  };
