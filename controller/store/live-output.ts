import { and, eq, inArray } from 'drizzle-orm';
import type { LiveOutputStore } from '../orchestrator/live-output.ts';
import { liveOutput, runHosts, runJobs } from './schema.ts';
import type { Queries, Store } from './store.ts';

/** What running jobs have written so far. */
export function createLiveOutputStore({ db }: Store): LiveOutputStore {
  return {
    async save(hostId, { orderDigest, position, attempt, size, head, tail }) {
      const [owner] = await db
        .select({ run: runHosts.run })
        .from(runHosts)
        .innerJoin(runJobs, and(eq(runJobs.run, runHosts.run), eq(runJobs.hostId, runHosts.hostId)))
        .where(
          and(
            eq(runHosts.orderDigest, orderDigest),
            eq(runHosts.hostId, hostId),
            eq(runJobs.position, position),
            eq(runJobs.direction, 'forward'),
            // What comes after the result is of no use any more: that brings all that is kept.
            inArray(runJobs.state, ['released', 'running']),
          ),
        );
      if (!owner) return;
      const row = { attempt, size, head, tail, updatedAt: new Date() };
      await db
        .insert(liveOutput)
        .values({ run: owner.run, hostId, position, ...row })
        .onConflictDoUpdate({ target: [liveOutput.run, liveOutput.hostId, liveOutput.position], set: row });
    },
  };
}

/** Of one attempt; null where nothing has come of it. */
export async function readLiveOutput(
  db: Queries,
  { run, hostName, position, attempt }: { run: string; hostName: string; position: number; attempt: number },
): Promise<{ size: number; head: Uint8Array; tail: Uint8Array } | null> {
  const [row] = await db
    .select({ size: liveOutput.size, head: liveOutput.head, tail: liveOutput.tail })
    .from(liveOutput)
    .innerJoin(runHosts, and(eq(runHosts.run, liveOutput.run), eq(runHosts.hostId, liveOutput.hostId)))
    .where(
      and(
        eq(liveOutput.run, run),
        eq(runHosts.hostName, hostName),
        eq(liveOutput.position, position),
        eq(liveOutput.attempt, attempt),
      ),
    );
  return row ?? null;
}
