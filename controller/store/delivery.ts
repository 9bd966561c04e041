import { and, eq, inArray, lt, sql } from 'drizzle-orm';
import type { DeliveryStore } from '../loops/deliver.ts';
import { amendmentToSend } from './amendments.ts';
import { nextDispatchSequence } from './hosts.ts';
import { ACTIVE_STATES } from './orchestrator-rows.ts';
import * as outbox from './outbox.ts';
import { approvals, enrolmentTokens, leases, planOrders, runHosts, runs } from './schema.ts';
import type { Store } from './store.ts';

/** What the delivery of the outbox reads and writes. */
export function createDeliveryStore(store: Store): DeliveryStore {
  const { db } = store;
  return {
    due: (hostIds, limit) => outbox.due(db, hostIds, limit),
    markSent: ids => outbox.markSent(db, ids),

    async offer(plan, hostId) {
      const [row] = await db
        .select()
        .from(planOrders)
        .innerJoin(runs, eq(runs.plan, planOrders.plan))
        .where(and(eq(planOrders.plan, plan), eq(planOrders.hostId, hostId), inArray(runs.state, [...ACTIVE_STATES])));
      if (!row) return null;
      const { plan_orders: leaf } = row;
      const signed = await db
        .select({ envelope: approvals.envelope })
        .from(approvals)
        .where(and(eq(approvals.plan, plan), eq(approvals.gate, 'plan')));
      return {
        order: Buffer.from(leaf.document, 'utf8'),
        proof: { leafIndex: leaf.leafIndex, leafCount: leaf.leafCount, path: siblings(leaf.path) },
        approvals: signed.map(({ envelope }) => Buffer.from(envelope, 'utf8')),
      };
    },

    dispatch: ({ orderDigest, run, hostId }) =>
      store.transaction(async tx => {
        const [row] = await tx
          .select({ frontier: runHosts.frontier, direction: runHosts.direction, epoch: leases.epoch })
          .from(runHosts)
          .innerJoin(runs, eq(runs.id, runHosts.run))
          .innerJoin(leases, eq(leases.name, sql`'run:' || ${run}`))
          .where(
            and(
              eq(runHosts.orderDigest, orderDigest),
              eq(runHosts.hostId, hostId),
              eq(runHosts.run, run),
              inArray(runs.state, [...ACTIVE_STATES]),
            ),
          );
        return row ? { ...row, sequence: await nextDispatchSequence(tx, hostId) } : null;
      }),

    amendment: digest => amendmentToSend(db, digest),

    async forgetSent(beforeMs) {
      await outbox.forget(db, beforeMs);
    },

    async forgetTokens(expiredBeforeMs) {
      const gone = await db
        .delete(enrolmentTokens)
        .where(lt(enrolmentTokens.expiresAt, new Date(expiredBeforeMs)))
        .returning({ id: enrolmentTokens.id });
      return gone.length;
    },
  };
}

const HASH_BYTES = 32;

function siblings(path: Buffer): Buffer[] {
  const hashes: Buffer[] = [];
  for (let at = 0; at < path.length; at += HASH_BYTES) hashes.push(path.subarray(at, at + HASH_BYTES));
  return hashes;
}
