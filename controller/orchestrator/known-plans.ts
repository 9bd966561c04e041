import { openPlan, type Plan } from '@tidemark/shared/orders/plan.ts';
import { indexPlan, type PlanIndex } from './plan-index.ts';
import type { Plans } from './ports.ts';

export interface KnownPlan {
  plan: Plan;
  index: PlanIndex;
}

/** Active runs and a few that people look at: a plan of 10,000 hosts takes about 100 MB. */
const KEPT = 8;

/** Null where there is no such plan; a text where it cannot be read. */
export type KnownPlans = (digest: string) => Promise<KnownPlan | string | null>;

/** Opens plans and keeps the last ones: they never change, and each tick needs theirs. `opened`: some that are open already. */
export function createKnownPlans(plans: Plans, opened: readonly Plan[] = []): KnownPlans {
  const kept = new Map(opened.map(plan => [plan.digest as string, indexed(plan)]));
  return async digest => {
    const known = kept.get(digest);
    if (known) return known;
    const document = await plans.document(digest);
    if (document === null) return null;
    const plan = openPlan(document);
    if (!plan.ok) return plan.error;
    if (plan.value.digest !== digest) return `its content has the digest ${plan.value.digest}`;
    const now = indexed(plan.value);
    kept.set(digest, now);
    const oldest = kept.keys().next().value;
    if (kept.size > KEPT && oldest !== undefined) kept.delete(oldest);
    return now;
  };
}

function indexed(plan: Plan): KnownPlan {
  const orders = plan.orders.map(({ order }) => order);
  return { plan, index: indexPlan(plan.digest, plan.header, orders) };
}
