import { randomBytes, randomUUID } from 'node:crypto';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import { err } from '@tidemark/shared/base/result.ts';
import { withoutOrigin } from '@tidemark/shared/orders/bundle.ts';
import { createAccess } from '../access/service.ts';
import { createTrust } from '../access/trust.ts';
import type { Bundle } from '../bundles/ports.ts';
import { barOf } from '../bundles/promotion.ts';
import { createBundles } from '../bundles/service.ts';
import type { Authority } from '../enrolment/authority.ts';
import { createEnrolment } from '../enrolment/service.ts';
import { createIdentification } from '../identification/service.ts';
import { createIncidents } from '../incidents/service.ts';
import { createDryRuns } from '../inventory/dry-runs.ts';
import { FACTS_MAX_AGE_MS } from '../inventory/freshness.ts';
import { createInventory } from '../inventory/service.ts';
import type { SourceLimits } from '../landscape/connectors/open.ts';
import type { LandscapeService } from '../landscape/service.ts';
import type { ToAgent } from '../link/messages.ts';
import { createKnownPlans } from '../orchestrator/known-plans.ts';
import { createLiveOutput } from '../orchestrator/live-output.ts';
import { createOrchestrator } from '../orchestrator/service.ts';
import { DEFAULT_DEADLINES } from '../orchestrator/snapshot.ts';
import { isActive } from '../planner/cel.ts';
import type { KnownBundle } from '../planner/choose-bundle.ts';
import { distinct, roleOf } from '../planner/fleet-view.ts';
import { selectByCondition } from '../planner/host-selection.ts';
import { scanProfileOf } from '../planner/scan-profile.ts';
import { createPlanner } from '../planner/service.ts';
import { createProbe } from '../probes/probe.ts';
import { reachable } from '../probes/reachable.ts';
import { createQueries } from '../queries/service.ts';
import { httpSource } from '../repositories/http-source.ts';
import { createRisk } from '../risk/service.ts';
import { createImports } from '../signatures/imports.ts';
import { createSignatures } from '../signatures/service.ts';
import { createAccessStore } from '../store/access.ts';
import type { openArtifactFiles } from '../store/artifact-files.ts';
import { createBaselineStore } from '../store/baselines.ts';
import { createBundleRuns } from '../store/bundle-runs.ts';
import { bundleStore } from '../store/bundles.ts';
import { learned } from '../store/durations.ts';
import { enrolmentStore } from '../store/enrolment.ts';
import { createIdentificationStore } from '../store/identification.ts';
import { createIncidentStore } from '../store/incidents.ts';
import { inventoryStore } from '../store/inventory.ts';
import { createLiveOutputStore } from '../store/live-output.ts';
import { createGarbageStore } from '../store/node-garbage.ts';
import { createOrchestratorStore } from '../store/orchestrator.ts';
import { plannedChanges } from '../store/planned-changes.ts';
import { agentsByName, knownReleaseSizes, planStore } from '../store/planner.ts';
import { contentStore, landscapeVersion, lastLooks, queryStore } from '../store/queries.ts';
import { createRetentionStore } from '../store/retention.ts';
import { riskStore } from '../store/risk.ts';
import { createGateStore } from '../store/run-gates.ts';
import { createRunLeases } from '../store/run-leases.ts';
import { createRunPlans } from '../store/run-plans.ts';
import { createRunScanStore } from '../store/run-scans.ts';
import { createProfileStore } from '../store/scan-profiles.ts';
import { createScheduleStore } from '../store/scan-schedules.ts';
import { createSecretKeyStore } from '../store/secret-keys.ts';
import { knownPackages, signatureStore } from '../store/signatures.ts';
import type { Store } from '../store/store.ts';
import { currentTrustRoot } from '../store/trust.ts';
import { createTrustStore } from '../store/trust-roots.ts';
import { createVerificationStore } from '../store/verification.ts';
import { createWaiverStore } from '../store/waivers.ts';
import { clearFingerprints } from '../verification/keeping.ts';
import type { LandscapePort } from '../verification/ports.ts';
import { DEFAULT_RETENTION } from '../verification/retention.ts';
import { createScheduling } from '../verification/scheduling.ts';
import { createVerification } from '../verification/service.ts';
import { agentFacts } from './agent-facts.ts';
import { evidenceOf } from './bundle-evidence.ts';
import { bundleOnHost } from './bundle-on-host.ts';
import { driftIncidents } from './drift-incidents.ts';
import { installedInFleet } from './fleet-packages.ts';
import { hostFacts } from './host-facts.ts';
import { identifyHosts } from './identify-host.ts';
import { plannedLandscape, systemsByName, wireLandscape } from './landscape.ts';
import { packageReader } from './package-reader.ts';
import { queryHosts } from './query-hosts.ts';
import { mirror, riskFleet, riskGroups } from './risk-sources.ts';

export interface CapabilityOptions {
  store: Store;
  files: ReturnType<typeof openArtifactFiles>;
  authority: Authority;
  clock: Clock;
  /** host:port that agents are told to connect to. */
  linkAddress: () => string;
  /** Cuts what a host has open. */
  disconnect: (hostId: string, reason: string) => void;
  /** False where the host is not connected. */
  send: (hostId: string, message: ToAgent) => boolean;
  /** Something was stored that may have to be decided about. */
  wake: () => void;
  /** After so long without a word a host that should speak counts as failed. */
  silenceMs: number;
  /** Networks (CIDR) that gates may reach beside those that they may anyway. */
  gateNetworks: readonly string[];
  /** The same for repositories of packages. */
  repositoryNetworks: readonly string[];
  /** Where their files lie while they are read. */
  repositoryDirectory: string;
  /** What sources of the landscape may reach, read and run. */
  landscape: SourceLimits;
  /** What went wrong in work that nobody waits for. */
  onError: (error: unknown) => void;
}

export type Capabilities = ReturnType<typeof createCapabilities>;

/** Every capability over the store. What one needs of another is handed over here and nowhere else. */
export function createCapabilities({ store, files, authority, clock, ...late }: CapabilityOptions) {
  const { fleet } = authority;
  const inventory = createInventory({ store: inventoryStore(store), clock });
  const incidents = createIncidents({ store: createIncidentStore(store), clock, changed: late.wake });
  const ofControllers = driftIncidents(incidents, async host => (await agentsByName(store)).get(host)?.id ?? null);
  const { landscape, landscapeSources, suggestions } = wireLandscape({
    ...{ store, clock, inventory },
    ...{ limits: late.landscape, incidents: ofControllers },
  });
  const trust = createTrust({ store: createTrustStore(store), fleet, clock });
  const runPlans = createRunPlans(store);
  const planner = createPlanner({
    fleet,
    factsMaxAgeMs: FACTS_MAX_AGE_MS,
    sources: {
      landscape: () => plannedLandscape({ landscape, landscapeSources, osOf: () => systemsByName(store, inventory) }),
      agents: () => agentsByName(store),
      facts: () => inventory.latest(),
      bundles: async () => (await bundles.list()).map(knownBundle),
      rings: async () => (await bundles.rings()).map(({ name }) => name),
      bundle: name => plannedBundle(bundles, name),
      installedBytes: () => knownReleaseSizes(store),
      durations: kinds => learned(store.db, kinds),
      trustRoot: async () => (await currentTrustRoot(store.db))?.root ?? null,
    },
    store: planStore(store),
    clock,
  });
  const orchestrator = createOrchestrator({
    store: createOrchestratorStore(store),
    planOf: createKnownPlans(runPlans),
    approvals: runPlans,
    leases: createRunLeases(store),
    isTrue: isActive,
    clock,
    holder: randomUUID(),
    gates: { store: createGateStore(store), probe: createProbe(late.gateNetworks) },
    barOfBundle: async name => barOf((await bundles.bundle(name)) ?? { name, held: null, withdrawn: null }),
    wake: late.wake,
    deadlines: { ...DEFAULT_DEADLINES, silenceMs: late.silenceMs },
  });
  const bundles = createBundles({
    store: bundleStore(store),
    files,
    sources: {
      evidence: evidenceOf(createBundleRuns(store), orchestrator),
      trustRoot: async () => (await currentTrustRoot(store.db))?.root ?? null,
      knownPackages: names => knownPackages(store, names),
    },
    clock,
  });
  const verification = createVerification({
    store: {
      ...createVerificationStore(store),
      ...createBaselineStore(store),
      ...createWaiverStore(store),
      ...createProfileStore(store),
      ...createSecretKeyStore(store),
    },
    landscape: landscapePort(landscape),
    agents: agentFacts(store, inventory),
    trustRoot: async () => (await currentTrustRoot(store.db))?.root ?? null,
    clock,
    newId: randomUUID,
    newNonce: () => randomBytes(32),
  });
  const facts = hostFacts(store, inventory);
  const identification = createIdentification({
    store: createIdentificationStore(store),
    facts,
    peersOf: landscapePort(landscape).peersOf,
  });
  const { identify } = identifyHosts({ verification, identification, landscape });
  const queries = createQueries({
    store: queryStore(store),
    contents: contentStore(store),
    sources: queryHosts({
      landscape: () => landscape.current(),
      landscapeVersion: () => landscapeVersion(store),
      agents: () => agentsByName(store),
      observed: () => lastLooks(store),
    }),
    clock,
    maxAgeMs: FACTS_MAX_AGE_MS,
  });
  const risk = createRisk({
    store: riskStore(store),
    sources: {
      fleet: () => riskFleet(queries),
      groups: () => riskGroups(queries),
      planned: () => plannedChanges(store, clock.now()),
      bundle: async name => {
        const bundle = await bundles.bundle(name);
        return bundle && { packages: bundle.packages.map(each => ({ ...each, family: each.family ?? 'dpkg' })) };
      },
      fetch: mirror({ directory: late.repositoryDirectory, mayReach: reachable(late.repositoryNetworks) }),
    },
    clock,
  });
  const scheduling = createScheduling({
    store: { ...createScheduleStore(store), ...createRunScanStore(store) },
    hosts: {
      select: async condition => {
        const current = await landscape.current();
        if (!current) return err('there is no landscape yet: import one first');
        const [agents, facts] = [await agentsByName(store), await inventory.latest()];
        const fleetNow = { landscape: current, agents, facts, factsMaxAgeMs: FACTS_MAX_AGE_MS, now: clock.now() };
        return selectByCondition(condition, fleetNow);
      },
    },
    patched: bundleOnHost({ bundles, orchestrator, planner, identify, registered: facts.registered }),
    incidents: ofControllers,
    verification,
    clock,
  });
  return {
    access: createAccess({ store: createAccessStore(store), clock }),
    bundles,
    dryRuns: createDryRuns({ agents: () => agentsByName(store), send: late.send, newId: randomUUID }),
    enrolment: createEnrolment({
      store: enrolmentStore(store),
      authority,
      clock,
      linkAddress: late.linkAddress,
      disconnect: late.disconnect,
    }),
    hostFacts: facts,
    identification,
    incidents,
    inventory,
    liveOutput: createLiveOutput(createLiveOutputStore(store)),
    landscape,
    landscapeSources,
    suggestions,
    orchestrator,
    planner,
    queries,
    risk,
    trust,
    /** Forgets old fingerprints and what only they needed. */
    clearFingerprints: (now: number) =>
      clearFingerprints({ ...createRetentionStore(store), ...createGarbageStore(store) }, DEFAULT_RETENTION, now),
    forgetRead: (until: number) => signatureStore(store).forgetRead(until),
    scheduling,
    signatures: createSignatures({
      store: signatureStore(store),
      reader: packageReader,
      trustRoot: async () => (await currentTrustRoot(store.db))?.root ?? null,
      clock,
    }),
    imports: createImports({
      store: signatureStore(store),
      reader: packageReader,
      sourceAt: (url, signal) =>
        httpSource({ url, directory: late.repositoryDirectory, mayReach: reachable(late.repositoryNetworks), signal }),
      installed: async family => installedInFleet([...(await inventory.latest(['packages'])).values()], family),
      clock,
      newId: randomUUID,
      onError: late.onError,
    }),
    verification,
  };
}

const knownBundle = (bundle: Bundle): KnownBundle => ({
  ...{ name: bundle.name, ring: bundle.ring, createdAt: bundle.createdAt },
  ...{ bar: barOf(bundle), withdrawn: bundle.withdrawn !== null },
});

/** A bundle with the sizes that space checks need. */
async function plannedBundle(bundles: ReturnType<typeof createBundles>, name: string) {
  const bundle = await bundles.bundle(name);
  if (!bundle) return null;
  const wanted = new Map(bundle.releases.map(({ product, version }) => [product, version]));
  const releases = (await bundles.releases()).filter(({ product, version }) => wanted.get(product) === version);
  return { name: bundle.name, digest: bundle.digest, releases, packages: bundle.packages.map(withoutOrigin) };
}

function landscapePort(landscape: Pick<LandscapeService, 'current'>): LandscapePort {
  const componentsOn = async (host: string) =>
    (await landscape.current())?.components.filter(component => component.host === host) ?? [];
  return {
    productsOf: async host =>
      (await componentsOn(host)).flatMap(({ product, home }) =>
        product !== null && home !== null ? [{ product, home }] : [],
      ),
    peersOf: async host =>
      (await landscape.current())?.clusters
        .filter(({ members }) => members.includes(host))
        .flatMap(({ members }) => members.filter(member => member !== host)) ?? [],
    clustersOf: async host =>
      (await landscape.current())?.clusters.flatMap(({ name, members }) => (members.includes(host) ? [name] : [])) ??
      [],
    membersOf: async cluster =>
      (await landscape.current())?.clusters.find(({ name }) => name === cluster)?.members ?? null,
    roleOf: async name => {
      const host = (await landscape.current())?.hosts.find(one => one.name === name);
      return host ? roleOf(host, distinct((await componentsOn(name)).map(({ tier }) => tier))) : '';
    },
    profileFor: async host => scanProfileOf(await componentsOn(host)),
  };
}
