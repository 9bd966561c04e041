import { parseEnvelope } from '@tidemark/shared/signing/dsse.ts';
import { and, asc, eq } from 'drizzle-orm';
import type { Approvals, Plans } from '../orchestrator/ports.ts';
import { approvals, planOrders, plans } from './schema.ts';
import type { Store } from './store.ts';
import { currentTrustRoot } from './trust.ts';

/** What the orchestrator reads of plans and of who approved them. */
export function createRunPlans({ db }: Store): Plans & Approvals {
  return {
    async document(plan) {
      const [row] = await db.select({ header: plans.header }).from(plans).where(eq(plans.digest, plan));
      if (!row) return null;
      const orders = await db
        .select({ document: planOrders.document })
        .from(planOrders)
        .where(eq(planOrders.plan, plan))
        .orderBy(asc(planOrders.leafIndex));
      return {
        format: 'tidemark/plan-document/v1',
        header: row.header,
        orders: orders.map(({ document }) => document),
      };
    },

    async of(plan, gate = 'plan') {
      const rows = await db
        .select({ envelope: approvals.envelope })
        .from(approvals)
        .where(and(eq(approvals.plan, plan), eq(approvals.gate, gate)));
      return rows.flatMap(({ envelope }) => {
        const parsed = parseEnvelope(Buffer.from(envelope, 'utf8'));
        return parsed.ok ? [parsed.value] : [];
      });
    },

    trustRoot: async () => (await currentTrustRoot(db))?.root ?? null,
  };
}
