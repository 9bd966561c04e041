import { sql } from 'drizzle-orm';
import type { LearnedStep } from '../orchestrator/learning.ts';
import type { LearnedDuration } from '../planner/learned.ts';
import { durations } from './schema.ts';
import type { Queries, Tx } from './store.ts';

/** So many are kept of one kind of step on one host, whatever the bundle: the newest, since servers grow and change. */
export const KEPT = 16;

/** Keeps how long a step took, and forgets what is too old for it. One at a time for each host, as reports come. */
export async function learn(tx: Tx, { endedAt, ...step }: LearnedStep): Promise<void> {
  await tx.insert(durations).values({ ...step, endedAt: new Date(endedAt) });
  await tx.execute(sql`
    delete from ${durations} where ${durations.id} in (
      select id from ${durations} where host_id = ${step.hostId} and kind = ${step.kind} order by id desc offset ${KEPT})`);
}

/** By host and bundle, by host, by bundle, and over all; percentiles by the nearest rank. */
export async function learned(db: Queries, kinds: readonly string[]): Promise<LearnedDuration[]> {
  if (kinds.length === 0) return [];
  const list = sql.join(
    kinds.map(kind => sql`${kind}`),
    sql`, `,
  );
  const rows = await db.execute<{
    host: string | null;
    kind: string;
    bundle: string | null;
    count: number;
    p50: string;
    p90: string;
  }>(sql`
    select host_id as host, kind, bundle, count(*)::int as count,
           percentile_disc(0.5) within group (order by duration_ms) as p50,
           percentile_disc(0.9) within group (order by duration_ms) as p90
    from ${durations} where kind in (${list})
    group by grouping sets ((host_id, kind, bundle), (host_id, kind), (kind, bundle), (kind))`);
  return rows.map(({ host, kind, bundle, count, p50, p90 }) => ({
    ...{ hostId: host, kind, bundle, count },
    p50Ms: Number(p50),
    p90Ms: Number(p90),
  }));
}
