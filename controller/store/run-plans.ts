import { AssertionFailed } from '@tidemark/shared/base/assert.ts';
import { parseJson } from '@tidemark/shared/base/canonical-json.ts';
import { parseEnvelope } from '@tidemark/shared/signing/dsse.ts';
import { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { asc, desc, eq } from 'drizzle-orm';
import type { Approvals, Plans } from '../orchestrator/ports.ts';
import { approvals, planOrders, plans, trustRoots } from './schema.ts';
import type { Store } from './store.ts';

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

    async of(plan) {
      const rows = await db.select({ envelope: approvals.envelope }).from(approvals).where(eq(approvals.plan, plan));
      return rows.flatMap(({ envelope }) => {
        const parsed = parseEnvelope(Buffer.from(envelope, 'utf8'));
        return parsed.ok ? [parsed.value] : [];
      });
    },

    /** The newest. It was verified when it was stored; agents believe only their own. */
    async trustRoot() {
      const [row] = await db.select().from(trustRoots).orderBy(desc(trustRoots.version)).limit(1);
      if (!row) return null;
      const envelope = parseEnvelope(Buffer.from(row.envelope, 'utf8'));
      const root = envelope.ok ? TrustRoot.safeParse(parseJson(Buffer.from(envelope.value.payload, 'base64'))) : null;
      if (!root?.success) throw new AssertionFailed(`the trust root version ${row.version} in the database is damaged`);
      return root.data;
    },
  };
}
