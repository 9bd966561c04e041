import { openPlan, type Plan } from '@tidemark/shared/orders/plan.ts';
import { indexPlan, type PlanIndex } from './plan-index.ts';
import type { Plans } from './ports.ts';

export interface KnownPlan {
  plan: Plan;
  index: PlanIndex;
}

/** Active runs and a few that people look at: a plan of 10,000 hosts takes about 100 MB. */
const KEPT = 8;

/** Opens plans and keeps the last ones: they never change, and each tick needs theirs. */
export function createKnownPlans(plans: Plans): (digest: string) => Promise<KnownPlan | string | null> {
  const kept = new Map<string, KnownPlan>();
  return async digest => {
    const known = kept.get(digest);
    if (known) return known;
    const document = await plans.document(digest);
    if (document === null) return null;
    const plan = openPlan(document);
    if (!plan.ok) return plan.error;
    if (plan.value.digest !== digest) return `its content has the digest ${plan.value.digest}`;
    const orders = plan.value.orders.map(({ order }) => order);
    const opened = { plan: plan.value, index: indexPlan(digest, plan.value.header, orders) };
    kept.set(digest, opened);
    const oldest = kept.keys().next().value;
    if (kept.size > KEPT && oldest !== undefined) kept.delete(oldest);
    return opened;
  };
}
