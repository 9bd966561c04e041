import { inArray, sql } from 'drizzle-orm';
import { ACTIVE_STATES } from './orchestrator-rows.ts';
import { runEvents, runs } from './schema.ts';
import type { Queries } from './store.ts';

/**
 * Of what people look at, by topic, a text that is another one as soon as it has changed. What people do is in the audit log; what
 * is done by itself has numbers of its own. A run that has ended changes only by what people do.
 */
export async function readChanges(db: Queries): Promise<Record<string, string>> {
  const [fleet] = await db.execute<{ audit: string; incidents: string; hosts: string }>(sql`
    select
      (select coalesce(max(id), 0)::text from audit) as audit,
      (select concat(max(id), ' ', count(*) filter (where state = 'open')) from incidents) as incidents,
      (select concat(count(*), ' ', md5(string_agg(concat(id, state, connected), '' order by id))) from hosts) as hosts`);
  const active = await db
    .select({ id: runs.id, state: runs.state, reason: runs.reason })
    .from(runs)
    .where(inArray(runs.state, [...ACTIVE_STATES]));
  const versions = await Promise.all(
    active.map(async ({ id, state, reason }) => {
      const [last] = await db
        .select({ event: sql`max(${runEvents.id})` })
        .from(runEvents)
        .where(sql`${runEvents.run} = ${id}`);
      return [`run:${id}`, `${state} ${reason} ${last?.event ?? ''}`] as const;
    }),
  );
  return { ...fleet, ...Object.fromEntries(versions) };
}
