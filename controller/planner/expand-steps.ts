import { p90Of } from '@tidemark/shared/orders/expected.ts';
import type { Job, Order } from '@tidemark/shared/orders/order.ts';
import type { StepKind } from '@tidemark/shared/orders/step-kinds.ts';
import { durationText } from '../documents/quantities.ts';
import { narrowed } from './check-jobs.ts';
import { errorAt, type PlanError } from './errors.ts';
import { append, compareText, listed } from './fleet-view.ts';
import type { CompileInput, PlannerComponent } from './input.ts';
import { draftsOf, type HostContext } from './job-calls.ts';
import { jobName } from './job-name.ts';
import { History } from './learned.ts';
import type { Policy } from './policy.ts';
import type { Candidate } from './population.ts';
import { Undecided } from './undecided.ts';

export interface Window {
  start: number;
  end: number;
  reserveMs: number;
}

/** A host with its order. */
export interface PlannedOrder {
  candidate: Candidate;
  order: Order;
}

export interface Expansion {
  orders: PlannedOrder[];
  errors: PlanError[];
}

/** Turns the steps into each host's linear list of jobs, with nothing left to decide in it. */
export function expandSteps(
  input: Pick<CompileInput, 'policy' | 'fleet' | 'now' | 'installedBytes' | 'history'> & { bundleName: string },
  candidates: readonly Candidate[],
  window: Window,
): Expansion {
  const { policy } = input;
  const snapshot = `${policy.name.slice(0, 96)}-${input.now}`;
  const holds = policy.steps.flatMap(step => (step.kind === 'batch/hold' ? step.with : []))[0] ?? null;
  const tierOrder = new Map(policy.tiers.order.map((tier, index) => [tier.name, index]));
  const stops = new Map(candidates.map(candidate => [candidate, stoppingComponents(candidate, tierOrder)]));
  const errors = unknownTiers(policy, stops, tierOrder);
  if (errors.length > 0) return { orders: [], errors };
  const orders: PlannedOrder[] = [];
  const tooLong: { host: string; totalMs: number }[] = [];
  const undecided = new Undecided();
  const history = new History(input.history);
  for (const candidate of candidates) {
    const { host } = candidate.view;
    const stopping = stops.get(candidate) ?? [];
    const { bundleName: bundle, installedBytes } = input;
    const context = { candidate, stopping, snapshot, holds, windowEnd: window.end, bundle, installedBytes };
    const drafted = draftHost(policy, context, history, undecided);
    if (drafted === null) continue;
    if (drafted.length === 0) {
      errors.push(errorAt(policy.stepsPlace, `none of the steps does anything on ${host.name}`));
      continue;
    }
    const jobs = withTimes(givenBack(drafted), window);
    if ('tooLong' in jobs) {
      tooLong.push({ host: host.name, totalMs: jobs.tooLong });
      continue;
    }
    const order: Order = {
      format: 'tidemark/order/v1',
      fleet: input.fleet,
      host: { id: candidate.id, name: host.name },
      plan: { name: policy.name, compiledAt: input.now },
      jobs: jobs.jobs,
    };
    orders.push({ candidate, order });
  }
  errors.push(...undecided.errors(), ...doNotFit(policy, tooLong));
  return { orders, errors };
}

type UntimedJob = Omit<Job, 'notBefore' | 'notAfter'>;

/** Null where the condition of a step has no answer for this host: that is noted. */
function draftHost(policy: Policy, context: HostContext, history: History, undecided: Undecided): UntimedJob[] | null {
  const { view, role, facts } = context.candidate;
  const subject = { host: { ...view.subject, clusterRole: role ?? '' }, facts };
  let complete = true;
  const jobs = policy.steps.flatMap(step => {
    if (step.applies?.(context.candidate) === false) return [];
    const wanted = step.when ? step.when.holds(subject) : { ok: true as const, value: true };
    if (!wanted.ok) {
      undecided.add(step.place, `whether step ${step.id} is for`, view.host.name, wanted.error);
      complete = false;
      return [];
    }
    if (!wanted.value) return [];
    const own = narrowed(step, subject);
    if (!own.ok) {
      undecided.add(step.place, `which checks of step ${step.id} are for`, view.host.name, own.error);
      complete = false;
      return [];
    }
    const drafts = own.value ? draftsOf(own.value, context) : [];
    // Two homes of one product: the product's name alone would be two jobs with one id.
    const twice = new Set(drafts.map(({ suffix }) => suffix)).size < drafts.length;
    return drafts.map(({ suffix, timeoutMs, undo, waitsForPerson, ...draft }, index): UntimedJob => {
      const id = suffix === '' ? step.id : `${step.id}:${suffix}`;
      const component = view.components.find(({ name }) => name === draft.component) ?? null;
      return {
        ...draft,
        name: jobName(policy.jobName, { ...draft, step: step.id, host: view.host.name, component }),
        id: twice ? `${id}:${index + 1}` : id,
        step: step.id,
        undo: step.undo ? undo : null,
        timeoutMs: Math.max(1, timeoutMs ?? step.timeoutMs),
        ...history.expected(context.candidate.id, context.bundle, draft.call),
        retries: waitsForPerson ? { max: 0, backoffMs: 0 } : { ...step.retries },
        onFailure: waitsForPerson ? 'hold' : step.onFailure,
      };
    });
  });
  return complete ? jobs : null;
}

/** What a server is kept from, by what gives it back. */
const GIVEN_BACK_BY: Partial<Record<StepKind, StepKind>> = {
  'batch/hold': 'batch/release',
  'lb/drain': 'lb/enable',
  'cluster/leave': 'cluster/join',
};

/** Who skips a host leaves it as it is. Where something is kept from it by then, it is given back: the host is taken back. */
function givenBack(jobs: readonly UntimedJob[]): UntimedJob[] {
  const kept = new Set<StepKind>();
  return jobs.map(job => {
    const by = job.undo === null ? undefined : GIVEN_BACK_BY[job.call.kind];
    if (by !== undefined) kept.add(by);
    const keeps = kept.size > 0;
    kept.delete(job.call.kind);
    return keeps && job.onFailure === 'skip-host' ? { ...job, onFailure: 'undo-host' } : job;
  });
}

/**
 * No job may start before the window. While nothing is out of service, a job may only start as long as all that is left,
 * and the reserve for undo, fit before the end, nine times of ten; from the first interruption on only the end itself counts, since a host
 * that is left stopped is worse than one that is late.
 */
function withTimes(
  jobs: readonly UntimedJob[],
  { start, end, reserveMs }: Window,
): { jobs: Job[] } | { tooLong: number } {
  const total = jobs.reduce((sum, job) => sum + p90Of(job), 0);
  if (start + total + reserveMs > end) return { tooLong: total };
  const found = jobs.findIndex(job => INTERRUPTING.has(job.call.kind));
  const firstInterruption = found < 0 ? jobs.length : found;
  let left = total;
  return {
    jobs: jobs.map((job, index) => {
      const notAfter = index <= firstInterruption ? end - reserveMs - left : end;
      left -= p90Of(job);
      return { ...job, notBefore: start, notAfter };
    }),
  };
}

/** From these on the host does not serve as it did before. */
const INTERRUPTING: ReadonlySet<string> = new Set([
  'batch/hold',
  'service/stop',
  'service/start',
  'service/restart',
  'system/reboot',
  'archive/install',
  'package/upgrade',
  'package/install',
  'package/remove',
  'cluster/handover',
  'cluster/leave',
  'lb/drain',
  'snapshot/revert',
  'command/run',
  'command/shell',
]);

function doNotFit(policy: Policy, hosts: readonly { host: string; totalMs: number }[]): PlanError[] {
  if (hosts.length === 0) return [];
  const { durationMs, reserveMs, place } = policy.window;
  const longest = hosts.reduce((most, { totalMs }) => Math.max(most, totalMs), 0);
  const names = listed(hosts.map(({ host }) => host));
  const needed = `${durationText(longest)} and a reserve of ${durationText(reserveMs)}`;
  return [
    errorAt(place, `no time for ${names}: it takes up to ${needed}, and the window has ${durationText(durationMs)}`),
  ];
}

/**
 * What stops on a host: every component of an application that changes there, since those above a tier use it; in a unit,
 * every component of the unit's applications; for a package that no component names, everything, since anything may run on
 * it. By tier, then by name; what has no tier stops first and starts last.
 */
function stoppingComponents(candidate: Candidate, tierOrder: ReadonlyMap<string, number>): PlannerComponent[] {
  const changed = [...candidate.changes, ...candidate.packages].flatMap(change => change.components);
  const all = candidate.packages.some(change => change.components.length === 0);
  const names = new Set(changed.map(({ name }) => name));
  const applications = new Set([
    ...changed.flatMap(({ application }) => application ?? []),
    ...(candidate.unit?.applications ?? []),
  ]);
  const rank = ({ tier }: PlannerComponent) => (tier === null ? -1 : (tierOrder.get(tier) ?? -1));
  return candidate.view.components
    .filter(
      component =>
        all || names.has(component.name) || (component.application !== null && applications.has(component.application)),
    )
    .filter(component => component.service !== null)
    .sort((a, b) => rank(a) - rank(b) || compareText(a.name, b.name));
}

/** A tier that the policy does not order could be stopped at any time, which is never what was meant. */
function unknownTiers(
  policy: Policy,
  stops: ReadonlyMap<Candidate, readonly PlannerComponent[]>,
  tierOrder: ReadonlyMap<string, number>,
): PlanError[] {
  const missing = new Map<string, string[]>();
  for (const [candidate, stopping] of stops) {
    for (const { tier, name } of stopping) {
      if (tier !== null && !tierOrder.has(tier)) append(missing, tier, `${name} on ${candidate.view.host.name}`);
    }
  }
  return [...missing].map(([tier, components]) =>
    errorAt(policy.tiers.place, `tier ${tier} (${listed(components, 3)}) has no place in the order of tiers`),
  );
}
