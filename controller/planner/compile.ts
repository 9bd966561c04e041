import { didYouMean } from '@tidemark/shared/base/nearest.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import type { Order } from '@tidemark/shared/orders/order.ts';
import type { PlanHeader } from '@tidemark/shared/orders/plan.ts';
import { checkApprovalRules } from './approval-rules.ts';
import { narrowBundle } from './choose-bundle.ts';
import { chooseWindow } from './choose-window.ts';
import { findDeadlock } from './deadlocks.ts';
import { inEmergency } from './emergency.ts';
import { errorAt, type PlanError, tidyErrors } from './errors.ts';
import { expandSteps, type PlannedOrder } from './expand-steps.ts';
import { compareText, distinct, viewFleet } from './fleet-view.ts';
import { type Grouped, groupHosts } from './groups.ts';
import type { CompileInput } from './input.ts';
import { findLimits } from './limits.ts';
import { neverFits } from './never-fits.ts';
import type { Policy } from './policy.ts';
import { type Candidate, choosePopulation, nobodyLeft } from './population.ts';
import { findPrecedences } from './precedences.ts';
import { checkRequirements, checkStale } from './requirements.ts';
import { narrowHosts, selectHosts } from './select.ts';
import { findUnits } from './units.ts';
import { assignWaves, type PlannedWave } from './waves.ts';

export interface CompiledPlan {
  header: PlanHeader;
  orders: Order[];
}

/** A pure function: the same input gives the same bytes. All errors that can be told together are told together. */
export function compile(input: CompileInput): Result<CompiledPlan, PlanError[]> {
  const emergency = input.emergency === undefined ? null : inEmergency(input.policy);
  if (emergency && !emergency.ok) return err([emergency.error]);
  const policy = emergency?.value.policy ?? input.policy;
  const fleet = viewFleet(input);
  const chosen = chooseWindow(policy.window, { at: input.at, now: input.now, emergency: emergency !== null });
  const narrowed = input.bundle
    ? narrowBundle(policy.bundle, input.bundle)
    : err(
        errorAt(
          policy.bundle.place,
          `there is no bundle ${policy.bundle.name ?? `in ${policy.bundle.ring}`}: create it first`,
        ),
      );
  const errors = [
    ...twiceInClusters(policy, input.landscape),
    ...checkApprovalRules(policy, input.trustRoot, input.author),
    ...checkStale(policy, input.landscape),
  ];
  if (!chosen.ok) errors.push(chosen.error);
  if (!narrowed.ok) errors.push(narrowed.error);
  const everyone = selectHosts(policy, fleet);
  const selected = everyone.ok && input.only ? narrowHosts(policy, everyone.value, input.only) : everyone;
  if (!selected.ok) errors.push(selected.error);
  const units = findUnits(policy, fleet);
  errors.push(...units.errors);
  if (!chosen.ok || !narrowed.ok || !selected.ok || errors.length > 0) return err(tidyErrors(errors));
  const { bundle, leftOut } = narrowed.value;
  const { window } = chosen.value;
  const demanded = checkRequirements(policy, selected.value, input.landscape, window.end);
  if (demanded.errors.length > 0) return err(tidyErrors(demanded.errors));

  const population = choosePopulation(policy, fleet, selected.value, units, bundle, demanded.leftOut);
  if (population.errors.length > 0) return err(tidyErrors(population.errors));
  const { grouped, errors: groupErrors } = groupHosts(policy, population.candidates);
  const { waves, excluded, errors: waveErrors } = assignWaves(policy, population.candidates, grouped.importance);
  if (waveErrors.length + groupErrors.length > 0) return err(tidyErrors([...waveErrors, ...groupErrors]));
  for (const [host, reason] of excluded) population.excluded.set(host, reason);
  const candidates = population.candidates.filter(({ view }) => !excluded.has(view.host.name));
  for (const { host } of input.only && everyone.ok ? everyone.value : [])
    if (input.only && !input.only.hosts.has(host.name)) population.excluded.set(host.name, input.only.otherwise);
  const nobody = nobodyLeft(policy, { ...population, candidates });
  if (nobody.length > 0) return err(nobody);

  const expansion = expandSteps({ ...input, policy, bundleName: bundle.name }, candidates, window);
  const { limits, errors: limitErrors } = findLimits(policy, fleet, units, candidates);
  const budgetErrors = checkBudgets(policy, waves, candidates);
  const tooLong = expansion.errors.length > 0 ? [] : neverFits(policy, waves, expansion.orders);
  const problems = [...expansion.errors, ...tooLong, ...limitErrors, ...budgetErrors];
  if (problems.length > 0) return err(tidyErrors(problems));
  const precedences = findPrecedences(policy, expansion.orders);
  const deadlock = findDeadlock(policy, expansion.orders, waves, precedences);
  if (deadlock.length > 0) return err(deadlock);

  const header: PlanHeader = {
    format: 'tidemark/plan/v1',
    name: policy.name,
    fleet: input.fleet,
    author: input.author,
    compiledAt: input.now,
    policy: { name: policy.name, owner: policy.owner, digest: policy.digest, files: policy.files },
    landscapeVersion: input.landscape.version,
    ...(input.landscape.stale?.length ? { landscapeStale: [...input.landscape.stale] } : {}),
    bundle: { name: bundle.name, digest: bundle.digest, leftOut },
    window,
    emergency:
      emergency === null || input.emergency === undefined
        ? null
        : { reason: input.emergency, changes: [...emergency.value.changes, ...chosen.value.overridden] },
    hosts: plannedHosts(waves, expansion.orders, grouped),
    waves: waves.map(({ rule, needs, maxParallel }) => ({
      name: rule.name,
      needs,
      maxParallel,
      soakMs: rule.soakMs,
      gates: rule.gates.map(({ place: _, fromPlaces: __, ...gate }) => gate),
    })),
    precedences,
    limits,
    clusters: plannedClusters(candidates),
    budgets: policy.budgets.map(({ place: _, ...budget }) => budget),
    approvals: policy.approvals.map(({ place: _, fromPlaces: __, ...rule }) => rule),
    excluded: [...population.excluded]
      .map(([host, reason]) => ({ host, reason }))
      .sort((a, b) => compareText(a.host, b.host)),
  };
  return ok({ header, orders: expansion.orders.map(({ order }) => order) });
}

/** Landscapes are read so that it cannot be; whatever comes from elsewhere is looked at again. */
function twiceInClusters(policy: Policy, { clusters }: CompileInput['landscape']): PlanError[] {
  const clusterOf = new Map<string, string>();
  return clusters.flatMap(({ name, members }) =>
    members.flatMap(member => {
      const other = clusterOf.get(member);
      clusterOf.set(member, name);
      return other === undefined
        ? []
        : [errorAt(policy.select.place, `host ${member} is in two clusters, ${other} and ${name}`)];
    }),
  );
}

/** By wave; within it the most important first, then by name. */
function plannedHosts(
  waves: readonly PlannedWave[],
  orders: readonly PlannedOrder[],
  { importance, driftIsIncident }: Grouped,
): PlanHeader['hosts'] {
  const planned = new Set(orders.map(({ candidate }) => candidate));
  return waves.flatMap(({ rule, candidates }) =>
    candidates
      .filter(candidate => planned.has(candidate))
      .map(candidate => {
        const { view, id, unit, role, changes, packages } = candidate;
        return {
          id,
          name: view.host.name,
          application: view.host.application,
          tiers: [...view.subject.tiers],
          cluster: view.cluster?.name ?? null,
          clusterRole: role,
          wave: rule.name,
          unit: unit?.name ?? view.host.name,
          importance: importance.get(view.host.name) ?? 0,
          ...(driftIsIncident.has(view.host.name) && { onDrift: 'incident' as const }),
          changes: [
            ...changes.flatMap(({ components, product, from, release }) =>
              components.map(component => ({ component: component.name, product, from, to: release.version })),
            ),
            ...packages.flatMap(({ components, from, to }) => {
              const change = { product: to.name, from, to: to.version };
              // What no component names is a thing of its own.
              const names = components.length > 0 ? components.map(({ name }) => name) : [to.name];
              return names.map(component => ({ component, ...change }));
            }),
          ],
        };
      }),
  );
}

/** Every member, planned or not: the run looks at all of them before it touches one. */
function plannedClusters(candidates: readonly Candidate[]): PlanHeader['clusters'] {
  const clusters = new Map(candidates.flatMap(({ cluster }) => (cluster ? [[cluster.name, cluster] as const] : [])));
  return [...clusters.values()]
    .map(({ name, rule, roles, minHealthy }) => ({
      name,
      members: [...roles.keys()].sort(compareText),
      order: rule.order,
      activeWhen: rule.activeWhen?.text ?? null,
      healthyWhen: rule.healthyWhen?.text ?? null,
      minHealthy,
      onFailure: rule.onFailure,
    }))
    .sort((a, b) => compareText(a.name, b.name));
}

/** A budget for something that is not in the plan would never bind, and nobody would know. */
function checkBudgets(policy: Policy, waves: readonly PlannedWave[], candidates: readonly Candidate[]): PlanError[] {
  const names = {
    // Of the policy, since a wave may well find no host today.
    wave: [...policy.waves.map(wave => wave.name), ...waves.map(({ rule }) => rule.name)],
    cluster: distinct(candidates.map(({ view }) => view.cluster?.name ?? null)),
    application: distinct(candidates.map(({ view }) => view.host.application)),
    run: [],
  };
  return policy.budgets.flatMap(({ scope, of, place }) => {
    const known: readonly string[] = names[scope];
    if (of === null || known.includes(of)) return [];
    return [errorAt(place, `the plan has no ${scope} ${of}${didYouMean(of, known)}`)];
  });
}
