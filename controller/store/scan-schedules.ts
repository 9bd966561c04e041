import { and, asc, eq, inArray, isNotNull, isNull, lte, or, sql } from 'drizzle-orm';
import type { ScheduleStore } from '../verification/ports.ts';
import type { ScanSchedule } from '../verification/schedules.ts';
import * as audit from './audit.ts';
import { hosts, observations, scanSchedules } from './schema.ts';
import type { Store } from './store.ts';

/** Scans that are looked at in one round. */
const JUDGED_AT_ONCE = 50;

/** When scans come by themselves. A schedule that is due is claimed by one controller, whoever comes first. */
export function createScheduleStore({ db, transaction }: Pick<Store, 'db' | 'transaction'>): ScheduleStore {
  return {
    schedules: async () => (await db.select().from(scanSchedules).orderBy(scanSchedules.name)).map(record),

    due: async now => {
      const rows = await db
        .select()
        .from(scanSchedules)
        .where(lte(scanSchedules.nextDueAt, new Date(now)))
        .orderBy(asc(scanSchedules.nextDueAt));
      return rows.map(record);
    },

    claim: async (name, dueAt, nextDueAt) => {
      const isThis = and(eq(scanSchedules.name, name), eq(scanSchedules.nextDueAt, new Date(dueAt)));
      const claimed = await db
        .update(scanSchedules)
        .set({ nextDueAt: new Date(nextDueAt) })
        .where(isThis)
        .returning({ name: scanSchedules.name });
      return claimed.length > 0;
    },

    add: schedule =>
      transaction(async tx => {
        const { nextDueAt, createdAt, ...rest } = schedule;
        const added = await tx
          .insert(scanSchedules)
          .values({ ...rest, nextDueAt: new Date(nextDueAt), createdAt: new Date(createdAt) })
          .onConflictDoNothing()
          .returning({ name: scanSchedules.name });
        if (added.length === 0) return false;
        const { name, createdBy, select, cron, timezone, onDrift, profile } = schedule;
        const entry = { actor: createdBy, action: 'schedule.created', subject: `schedule ${name}` };
        await audit.append(tx, { ...entry, detail: { select, cron, timezone, onDrift, profile } });
        return true;
      }),

    remove: (name, by) =>
      transaction(async tx => {
        const removed = await tx.delete(scanSchedules).where(eq(scanSchedules.name, name)).returning();
        if (removed.length === 0) return false;
        await audit.append(tx, { actor: by, action: 'schedule.removed', subject: `schedule ${name}` });
        return true;
      }),

    unjudged: async () => {
      const rows = await db
        .select({
          id: observations.id,
          host: hosts.name,
          state: observations.state,
          message: observations.message,
          run: observations.run,
          onDrift: sql<
            ScanSchedule['onDrift']
          >`case when ${isIncident} then 'incident' else ${scanSchedules.onDrift} end`,
        })
        .from(observations)
        .innerJoin(hosts, eq(hosts.id, observations.hostId))
        .leftJoin(scanSchedules, eq(scanSchedules.name, observations.schedule))
        .where(
          and(
            or(isNotNull(observations.schedule), isNotNull(observations.run)),
            isNull(observations.judgedAt),
            inArray(observations.state, ['done', 'failed']),
          ),
        )
        .orderBy(asc(observations.endedAt))
        .limit(JUDGED_AT_ONCE);
      return rows.map(({ state, onDrift, ...row }) => ({
        ...row,
        state: state === 'done' ? ('done' as const) : ('failed' as const),
        onDrift: onDrift ?? 'report',
      }));
    },

    judged: async (id, at) => {
      await db
        .update(observations)
        .set({ judgedAt: new Date(at) })
        .where(eq(observations.id, id));
    },
  };
}

/** Whether the plan of the run that a scan came after says so of its host. */
const isIncident = sql`exists (
  select from runs join plans on plans.digest = runs.plan,
    lateral jsonb_array_elements(plans.header::jsonb -> 'hosts') as planned
  where runs.id = ${observations.run} and planned ->> 'id' = ${observations.hostId}::text
    and planned ->> 'onDrift' = 'incident')`;

const record = ({ nextDueAt, createdAt, ...row }: typeof scanSchedules.$inferSelect): ScanSchedule => ({
  ...row,
  nextDueAt: nextDueAt.getTime(),
  createdAt: createdAt.getTime(),
});
