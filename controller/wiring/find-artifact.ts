import { stat } from 'node:fs/promises';
import { and, eq, inArray, sql } from 'drizzle-orm';
import type { FindArtifact } from '../link/ports.ts';
import type { openArtifactFiles } from '../store/artifact-files.ts';
import { ACTIVE_STATES } from '../store/orchestrator-rows.ts';
import { planOrders, runHosts, runs } from '../store/schema.ts';
import type { Store } from '../store/store.ts';

/** An archive is for hosts whose order in a run that has not ended names it: an agent that was taken over gets no others. */
export function findArtifactOf({ db }: Store, files: ReturnType<typeof openArtifactFiles>): FindArtifact {
  return async (digest, { hostId }) => {
    const [wanted] = await db
      .select({ run: runs.id })
      .from(runHosts)
      .innerJoin(runs, eq(runs.id, runHosts.run))
      .innerJoin(planOrders, eq(planOrders.digest, runHosts.orderDigest))
      .where(
        and(
          eq(runHosts.hostId, hostId),
          inArray(runs.state, [...ACTIVE_STATES]),
          sql`jsonb_path_exists(${planOrders.document}::jsonb, '$.jobs[*].call.args.digest ? (@ == $digest)', ${JSON.stringify({ digest })}::jsonb)`,
        ),
      )
      .limit(1);
    if (!wanted) return null;
    const file = files.path(digest);
    try {
      return { file, bytes: (await stat(file)).size };
    } catch {
      return null;
    }
  };
}
