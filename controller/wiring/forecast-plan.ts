import type { Digest } from '@tidemark/shared/base/digest.ts';
import { openPlan } from '@tidemark/shared/orders/plan.ts';
import { type Forecast, forecast } from '../forecast/forecast.ts';
import type { createPlanner } from '../planner/service.ts';

/** How a stored plan's night will probably go; null where there is no such plan. */
export async function forecastPlan(
  planner: Pick<ReturnType<typeof createPlanner>, 'get'>,
  digest: Digest,
  repetitions: number,
): Promise<Forecast | null> {
  const stored = await planner.get(digest);
  if (!stored) return null;
  const plan = openPlan(stored.document);
  if (!plan.ok) throw new Error(`the stored plan ${digest} is not sound: ${plan.error}`);
  const { header, orders } = plan.value;
  return forecast({ digest, header, orders: orders.map(({ order }) => order) }, { repetitions });
}
