import type { Clock } from '@tidemark/shared/base/clock.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import type { Plan } from '@tidemark/shared/orders/plan.ts';
import { missingApproval } from './approvals.ts';
import type { OrchestratorError } from './errors.ts';
import type { KnownPlans } from './known-plans.ts';
import type { Approvals, OrchestratorStore, RunTransaction } from './ports.ts';

export interface LaunchDependencies {
  store: OrchestratorStore;
  approvals: Approvals;
  planOf: KnownPlans;
  /** Why nothing new may begin with a bundle; null where it may. */
  barOfBundle(name: string): Promise<string | null>;
  clock: Clock;
}

/** Makes a run of an approved plan. Nothing is sent by it: the next tick decides. */
export async function launch(
  { store, approvals, planOf, barOfBundle, clock }: LaunchDependencies,
  { plan: digest, by }: { plan: string; by: string },
): Promise<Result<{ run: string }, OrchestratorError>> {
  const known = await planOf(digest);
  if (known === null) return fail('unknown-plan', `there is no plan ${digest}: see "tidemark get plans"`);
  if (typeof known === 'string')
    return fail('broken-plan', `the plan ${digest} cannot be used: ${known}. Plan it anew.`);
  const { plan } = known;
  const bar = await barOfBundle(plan.header.bundle.name);
  if (bar) return fail('bundle-frozen', `the plan ${plan.header.name} may not run: ${bar}`);
  const root = await approvals.trustRoot();
  if (root === null) {
    return fail('no-trust-root', 'the controller has no trust root, so nobody can have approved this: set one first');
  }
  const now = clock.now();
  const missing = missingApproval(plan, await approvals.of(digest), root, now);
  if (missing) return fail('not-approved', `the plan ${plan.header.name} may not run yet: ${missing}`);
  if (now >= plan.header.window.end) {
    const end = new Date(plan.header.window.end).toISOString();
    return fail('window-over', `the window of the plan ended at ${end}: plan it anew for the next one`);
  }
  return store.transaction(async transaction => {
    await transaction.lockStarting();
    const refusal = await whyNotNow(transaction, plan);
    return refusal ? err(refusal) : ok({ run: await create(transaction, plan, by, now) });
  });
}

async function whyNotNow(transaction: RunTransaction, plan: Plan): Promise<OrchestratorError | null> {
  const { header, digest } = plan;
  const before = await transaction.runOfPlan(digest);
  if (before) {
    return { code: 'already-run', message: `this plan ran as ${before}; a plan runs once: make a new one` };
  }
  const ids = header.hosts.map(host => host.id);
  const enrolled = await transaction.enrolledHosts(ids);
  const strangers = header.hosts.filter(host => !enrolled.has(host.id)).map(host => host.name);
  if (strangers.length > 0) {
    return {
      code: 'hosts-unknown',
      message: `not enrolled any more: ${strangers.join(', ')}. Plan it anew without them.`,
    };
  }
  const busy = await transaction.busyHosts(ids);
  if (busy.length > 0) {
    const who = busy.map(({ host, run }) => `${host} (in ${run})`).join(', ');
    return { code: 'hosts-in-use', message: `another run is at work on ${who}: wait for it to end, or stop it` };
  }
  return null;
}

async function create(transaction: RunTransaction, plan: Plan, by: string, now: number): Promise<string> {
  const run = await transaction.createRun({
    plan: plan.digest,
    startedBy: by,
    startedAt: now,
    waves: plan.header.waves.map(wave => wave.name),
    hosts: plan.orders.map(({ order, digest }) => ({
      hostId: order.host.id,
      hostName: order.host.name,
      orderDigest: digest,
      jobs: order.jobs.map(job => job.id),
    })),
  });
  await transaction.addEvents(run, [
    {
      at: now,
      host: null,
      job: null,
      step: null,
      event: 'run-started',
      attempt: null,
      direction: null,
      message: `${plan.header.name} by ${by}`,
    },
  ]);
  await transaction.audit({
    actor: by,
    action: 'run.started',
    subject: run,
    detail: { plan: plan.digest, name: plan.header.name, hosts: plan.header.hosts.length },
  });
  return run;
}

const fail = (code: OrchestratorError['code'], message: string) => err({ code, message });
