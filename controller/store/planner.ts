import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { Plan, PlanDocument } from '@tidemark/shared/orders/plan.ts';
import { isStepKind } from '@tidemark/shared/orders/step-kinds.ts';
import { and, asc, desc, eq, inArray, sql } from 'drizzle-orm';
import { type AgentRecord, releaseKey } from '../planner/input.ts';
import type { PlanStore, PlanTransaction, StoredApproval, StoredPlan } from '../planner/ports.ts';
import { append } from './audit.ts';
import { approvals, hosts, planOrders, plans, runs, signatures } from './schema.ts';
import type { Queries, Store, Tx } from './store.ts';

/** A statement takes at most 65,535 parameters, and an order's row has seven. */
const ORDERS_AT_ONCE = 500;

/** Keeps plans with the texts that were hashed, and each order with its proof, ready to be offered to its host. */
export function planStore(store: Store): PlanStore {
  const { db } = store;
  return {
    get: digest => getPlan(db, digest),
    header: async digest => {
      const [row] = await db.select({ header: plans.header }).from(plans).where(eq(plans.digest, digest));
      return row?.header ?? null;
    },
    list: limit => listPlans(db, limit),
    stepKinds: async digest => {
      const rows = await db.execute<{ kind: string }>(sql`
        select distinct jsonb_path_query(document, path) #>> '{}' as kind
        from (select ${planOrders.document}::jsonb as document from ${planOrders} where ${planOrders.plan} = ${digest}) as orders,
          unnest(array['$.jobs[*].*.kind', '$.jobs[*].*.args.checks[*].kind']::jsonpath[]) as path`);
      return rows.map(({ kind }) => kind).filter(isStepKind);
    },
    transaction: work => store.transaction(tx => work(planTransaction(tx))),
  };
}

/** Hosts that have, or had, an agent: by name. */
export async function agentsByName({ db }: Store): Promise<Map<string, AgentRecord>> {
  const rows = await db.select({ id: hosts.id, name: hosts.name, state: hosts.state }).from(hosts);
  return new Map(rows.map(({ id, name, state }) => [name, { id, state }]));
}

/** Unpacked sizes of all releases that were imported, by release key. */
export async function knownReleaseSizes({ db }: Store): Promise<Map<string, number>> {
  const { product, version, unpackedBytes } = signatures;
  const rows = await db.select({ product, version, bytes: unpackedBytes }).from(signatures);
  return new Map(rows.map(row => [releaseKey(row.product, row.version), row.bytes]));
}

function planTransaction(tx: Tx): PlanTransaction {
  return {
    add: (plan, document, createdAt) => addPlan(tx, plan, document, createdAt),
    lock: async digest => {
      const [row] = await tx.select({ header: plans.header }).from(plans).where(eq(plans.digest, digest)).for('update');
      if (!row) return null;
      const run = await runOf(tx, digest);
      return { header: row.header, run: run && { id: run.id, hasEnded: run.endedAt !== null } };
    },
    approve: async (plan, { approver, envelope }, atMs) => {
      const createdAt = new Date(atMs);
      await tx
        .insert(approvals)
        .values({ plan, approver, envelope, createdAt })
        .onConflictDoUpdate({
          target: [approvals.plan, approvals.gate, approvals.approver],
          set: { envelope, createdAt },
        });
    },
    audit: async entry => {
      await append(tx, entry);
    },
  };
}

async function addPlan(tx: Tx, plan: Plan, document: PlanDocument, createdAt: number): Promise<void> {
  const { digest, header } = plan;
  const added = await tx
    .insert(plans)
    .values({
      digest,
      name: header.name,
      author: header.author,
      header: document.header,
      createdAt: new Date(createdAt),
    })
    .onConflictDoNothing()
    .returning({ digest: plans.digest });
  if (added.length === 0) return;
  const rows = plan.orders.map(({ order, digest: orderDigest, bytes, proof }) => ({
    plan: digest,
    hostId: order.host.id,
    digest: orderDigest,
    document: bytes.toString('utf8'),
    leafIndex: proof.leafIndex,
    leafCount: proof.leafCount,
    path: Buffer.concat(proof.path),
  }));
  for (let from = 0; from < rows.length; from += ORDERS_AT_ONCE)
    await tx.insert(planOrders).values(rows.slice(from, from + ORDERS_AT_ONCE));
}

async function getPlan(db: Queries, digest: Digest): Promise<StoredPlan | null> {
  const [row] = await db.select().from(plans).where(eq(plans.digest, digest));
  if (!row) return null;
  const orders = await db
    .select({ document: planOrders.document })
    .from(planOrders)
    .where(eq(planOrders.plan, digest))
    .orderBy(asc(planOrders.leafIndex));
  const document: PlanDocument = {
    format: 'tidemark/plan-document/v1',
    header: row.header,
    orders: orders.map(order => order.document),
  };
  const given = await approvalsOf(db, [digest]);
  return {
    digest,
    header: row.header,
    document,
    createdAt: row.createdAt.getTime(),
    approvals: given.get(digest) ?? [],
    run: (await runOf(db, digest))?.id ?? null,
  };
}

async function listPlans(db: Queries, limit: number): Promise<Omit<StoredPlan, 'document'>[]> {
  const rows = await db.select().from(plans).orderBy(desc(plans.createdAt), asc(plans.digest)).limit(limit);
  if (rows.length === 0) return [];
  const digests = rows.map(row => row.digest);
  const given = await approvalsOf(db, digests);
  const running = await db.select({ plan: runs.plan, id: runs.id }).from(runs).where(inArray(runs.plan, digests));
  const runByPlan = new Map(running.map(({ plan, id }) => [plan, id]));
  return rows.map(row => ({
    // The column holds nothing but digests.
    digest: row.digest as Digest,
    header: row.header,
    createdAt: row.createdAt.getTime(),
    approvals: given.get(row.digest) ?? [],
    run: runByPlan.get(row.digest) ?? null,
  }));
}

async function approvalsOf(db: Queries, digests: readonly string[]): Promise<Map<string, StoredApproval[]>> {
  const rows = await db
    .select({ plan: approvals.plan, approver: approvals.approver, envelope: approvals.envelope })
    .from(approvals)
    .where(and(inArray(approvals.plan, [...digests]), eq(approvals.gate, 'plan')))
    .orderBy(asc(approvals.createdAt), asc(approvals.approver));
  return Map.groupBy(rows, row => row.plan);
}

async function runOf(db: Queries, digest: Digest): Promise<{ id: string; endedAt: Date | null } | null> {
  const [row] = await db.select({ id: runs.id, endedAt: runs.endedAt }).from(runs).where(eq(runs.plan, digest));
  return row ?? null;
}
