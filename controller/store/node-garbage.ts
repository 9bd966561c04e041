import type { NodeId } from '@tidemark/shared/fingerprint/entry.ts';
import { type SQL, sql } from 'drizzle-orm';
import type { Collection, GarbageStore } from '../verification/garbage.ts';
import { idArray } from './node-ids.ts';
import type { Queries, Store, Tx } from './store.ts';

/* Any two numbers that no other program takes for advisory locks in this database: "tmgc", "tmcm" in ASCII. */
const COLLECTION_LOCK = 0x746d6763;
const COMMIT_LOCK = 0x746d636d;

/** Rows that one statement deletes: locks are held for some milliseconds. */
const SWEEP_BATCH = 5_000;

/** While a transaction with this is open, no node is demoted: what a commit has looked at stays as it saw it. */
export const holdOffCollection = (tx: Tx): Promise<unknown> =>
  tx.execute(sql`select pg_advisory_xact_lock_shared(${COMMIT_LOCK})`);

/** The garbage collection's side of the database. */
export function createGarbageStore({ db, transaction }: Pick<Store, 'db' | 'transaction'>): GarbageStore {
  return {
    collect: work =>
      transaction(async tx => {
        const [lock] = await tx.execute<{ taken: boolean }>(
          sql`select pg_try_advisory_xact_lock(${COLLECTION_LOCK}) as taken`,
        );
        if (!lock?.taken) return null;
        await tx.execute(
          sql`create temporary table node_marks (id bytea primary key, walked boolean not null default false) on commit drop`,
        );
        return work(collectionIn(tx));
      }),

    sweep: async beforeMs => {
      let swept = 0;
      for (;;) {
        const deleted = await sweepBatch(db, new Date(beforeMs));
        swept += deleted;
        if (deleted < SWEEP_BATCH) return swept;
      }
    },
  };
}

function collectionIn(tx: Tx): Collection {
  return {
    markRoots: async () => {
      await mark(tx, sql`select software_root from fingerprints union select config_root from fingerprints`);
    },
    mark: async ids => {
      if (ids.length > 0) await mark(tx, sql`select unnest(${idArray(ids)})`);
    },
    takeUnwalked: async limit => {
      const rows = await tx.execute<{ id: Buffer; data: Buffer }>(sql`
        with taken as (
          update node_marks set walked = true
          where id in (select id from node_marks where not walked limit ${limit}) returning id
        )
        select nodes.id, nodes.data from taken join nodes using (id)`);
      return [...rows];
    },
    holdOffCommits: async () => {
      await tx.execute(sql`select pg_advisory_xact_lock(${COMMIT_LOCK})`);
    },
    demoteUnmarked: async () => {
      const [row] = await tx.execute<{ count: number }>(sql`
        with demoted as (
          insert into unfinished_nodes (id)
          select id from nodes where not exists (select from node_marks where node_marks.id = nodes.id)
          on conflict do nothing returning id
        )
        select count(*)::int as count from demoted`);
      return row?.count ?? 0;
    },
  };
}

const mark = (tx: Tx, ids: SQL) => tx.execute(sql`insert into node_marks (id) ${ids} on conflict do nothing`);

/** Looked at again under the lock of its row: an upload that needs it now has made it younger. */
async function sweepBatch(db: Queries, before: Date): Promise<number> {
  const rows = await db.execute<{ id: NodeId }>(sql`
    delete from nodes where id in (
      select id from unfinished_nodes where created_at < ${before.toISOString()}::timestamptz
      order by id limit ${SWEEP_BATCH} for update skip locked
    ) returning id`);
  return rows.length;
}
