import { PlanHeader } from '@tidemark/shared/orders/plan.ts';
import { desc, eq, isNull } from 'drizzle-orm';
import type { PlannedChange } from '../risk/ports.ts';
import { plans, runs } from './schema.ts';
import type { Store } from './store.ts';

/** Older ones are over, or nobody means them any more. */
const MOST_PLANS = 200;

/** What plans bring to hosts whose window is not over and whose run has not ended. */
export async function plannedChanges({ db }: Pick<Store, 'db'>, now: number): Promise<PlannedChange[]> {
  const rows = await db
    .select({ plan: plans.digest, header: plans.header, run: runs.id })
    .from(plans)
    .leftJoin(runs, eq(runs.plan, plans.digest))
    .where(isNull(runs.endedAt))
    .orderBy(desc(plans.createdAt))
    .limit(MOST_PLANS);
  return rows.flatMap(({ plan, header, run }) => {
    const { hosts, window } = PlanHeader.parse(JSON.parse(header));
    if (window.end < now && run === null) return [];
    return hosts.flatMap(({ name, changes }) =>
      changes.map(({ product, to }) => ({ plan, run, host: name, package: product, to })),
    );
  });
}
