import type { Clock } from '@tidemark/shared/base/clock.ts';
import { createHostViews } from '../api/host-views.ts';
import type { Services } from '../api/services.ts';
import { isFresh } from '../inventory/freshness.ts';
import type { createAuditLog } from '../store/audit.ts';
import { bundleRollout } from './bundle-rollout.ts';
import type { Capabilities } from './capabilities.ts';
import { forecastPlan } from './forecast-plan.ts';
import { identifyHosts } from './identify-host.ts';
import { incidentDetail } from './incident-detail.ts';

export interface ApiServicesOptions {
  clock: Clock;
  fleet: string;
  version: string;
  /** Rejects while the database does not answer. */
  ping: () => Promise<unknown>;
  /** Asks the agents that are connected what is on their servers, and waits a little for the answers. */
  refreshFacts: () => Promise<void>;
  audit: ReturnType<typeof createAuditLog>;
  changes: Services['changes'];
}

/** Below the 30 s after which clients and proxies give a request up. What has not been read by then is stale, and the plan says so. */
const REFRESH_MS = 20_000;

/** The capabilities as the API asks for them. */
export function apiServices(capabilities: Capabilities, options: ApiServicesOptions): Services {
  const {
    bundles,
    enrolment,
    incidents,
    landscape,
    landscapeSources,
    suggestions,
    orchestrator,
    planner,
    queries,
    risk,
    trust,
    scheduling,
    signatures,
    imports,
    verification,
    access,
  } = capabilities;
  const identification = identifyHosts(capabilities);
  return {
    system: {
      fleet: options.fleet,
      version: options.version,
      health: () =>
        options.ping().then(
          () => 'ok' as const,
          () => 'failing' as const,
        ),
    },
    changes: options.changes,
    hosts: {
      ...createHostViews({
        ...capabilities,
        isFresh: at => isFresh(at, options.clock.now()),
        now: options.clock.now,
      }),
      dryRun: capabilities.dryRuns.dryRun,
    },
    enrolment,
    landscape,
    landscapeSources,
    suggestions,
    bundles,
    plans: {
      ...planner,
      forecast: (digest, repetitions) => forecastPlan(planner, digest, repetitions),
      // A plan is as good as what it knows: roles and versions are asked for before, not taken from last night.
      plan: async request => {
        await Promise.all([
          options.refreshFacts(),
          landscapeSources.refresh({ by: `plan of ${request.by}`, signal: AbortSignal.timeout(REFRESH_MS) }),
        ]);
        if (request.cves === null) return planner.plan(request);
        const affected = await risk.affectedBy(request.cves);
        if (!affected.ok) return affected;
        const otherwise = `is not affected by ${request.cves.join(' or ')}, as far as is known`;
        return planner.plan({ ...request, only: { hosts: affected.value, otherwise } });
      },
    },
    runs: orchestrator,
    incidents: { ...incidents, detail: id => incidentDetail(capabilities, id) },
    verification: {
      ...verification,
      scan: ({ host, by, profile }) => verification.scan({ host, by, profile }),
    },
    identification,
    queries,
    risk,
    rollout: bundleRollout({ ...capabilities, identification, registeredAs: capabilities.hostFacts.registeredAs }),
    scheduling,
    signatures,
    imports,
    access,
    trust,
    audit: options.audit,
  };
}
