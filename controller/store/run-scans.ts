import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import type { RunScanStore } from '../verification/ports.ts';
import type { Store } from './store.ts';
import { answerObservations } from './verification.ts';

/** Hosts that are asked in one round: a large fleet's come one after the other. */
const ASKED_AT_ONCE = 50;

/** Scans that come after runs. */
export function createRunScanStore({ db, transaction }: Pick<Store, 'db' | 'transaction'>): RunScanStore {
  return {
    unscanned: async () => {
      // What an order did on its way back happened after its scan.
      const rows = await db.execute<{ run: string; hostId: string; host: string; scan: string | null }>(sql`
        select run_hosts.run, run_hosts.host_id as "hostId", run_hosts.host_name as host,
               (select facts ->> 'scan' from run_jobs as job
                where job.run = run_hosts.run and job.host_id = run_hosts.host_id and job.state = 'succeeded'
                  and job.direction = 'forward' and run_hosts.direction = 'forward' and jsonb_exists(facts, 'scan')
                order by position desc limit 1) as scan
        from run_hosts join runs on runs.id = run_hosts.run
        where runs.ended_at > now() - interval '1 day' and run_hosts.started_at is not null
          and not exists (select from observations as asked
                          where asked.run = run_hosts.run and asked.host_id = run_hosts.host_id)
        order by runs.ended_at, run_hosts.host_name limit ${ASKED_AT_ONCE}`);
      return [...rows];
    },

    scannedBy: ({ run, hostId, scan }) =>
      transaction(async tx => {
        await tx.execute(sql`
          insert into observations (id, host_id, kind, run, scan) values (${randomUUID()}, ${hostId}, 'scan', ${run}, ${scan})`);
        await answerObservations(tx, hostId, scan);
      }),
  };
}
