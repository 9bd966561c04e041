import { and, asc, desc, eq, gt, inArray } from 'drizzle-orm';
import type { NewRunEvent, OrchestratorStore, RunReads, RunSummaryRow } from '../orchestrator/ports.ts';
import { readLiveOutput } from './live-output.ts';
import { ACTIVE_STATES, jobOf, ms, outputOf, readFacts, readRun } from './orchestrator-rows.ts';
import { runTransaction } from './orchestrator-writes.ts';
import { hosts, plans, runEvents, runHosts, runJobs, runs } from './schema.ts';
import type { Store } from './store.ts';

/** The orchestrator's memory: runs with their hosts and jobs, in PostgreSQL. */
export function createOrchestratorStore(store: Store): OrchestratorStore {
  return {
    transaction: work => store.transaction(tx => work(runTransaction(tx))),
    read: createReads(store),
  };
}

function createReads({ db }: Store): RunReads {
  return {
    async activeRuns() {
      const rows = await db
        .select({ id: runs.id })
        .from(runs)
        .where(inArray(runs.state, [...ACTIVE_STATES]))
        .orderBy(asc(runs.number));
      return rows.map(({ id }) => id);
    },

    async runs() {
      const rows = await db
        .select({ run: runs, planName: plans.name })
        .from(runs)
        .innerJoin(plans, eq(plans.digest, runs.plan))
        .orderBy(desc(runs.number));
      return rows.map(({ run, planName }): RunSummaryRow => {
        const { id, plan, state, reason, startedBy } = run;
        return {
          id,
          plan,
          planName,
          state,
          reason,
          startedBy,
          startedAt: run.startedAt.getTime(),
          endedAt: ms(run.endedAt),
        };
      });
    },

    // One snapshot of the database, so that a view does not show a host before and its jobs after a report.
    run: id => db.transaction(tx => readRun(tx, id), { isolationLevel: 'repeatable read', accessMode: 'read only' }),

    factsOf: hostIds => readFacts(db, hostIds),

    async events(run, afterId, limit) {
      const rows = await db
        .select()
        .from(runEvents)
        .where(and(eq(runEvents.run, run), gt(runEvents.id, afterId)))
        .orderBy(asc(runEvents.id))
        .limit(limit);
      return rows.map(row => ({ ...row, at: row.at.getTime(), event: row.event as NewRunEvent['event'] }));
    },

    async job(run, hostName, position, direction) {
      const [row] = await db
        .select({ job: runJobs })
        .from(runJobs)
        .innerJoin(runHosts, and(eq(runHosts.run, runJobs.run), eq(runHosts.hostId, runJobs.hostId)))
        .where(
          and(
            eq(runJobs.run, run),
            eq(runHosts.hostName, hostName),
            eq(runJobs.position, position),
            eq(runJobs.direction, direction),
          ),
        );
      return row ? { ...jobOf(row.job), output: outputOf(row.job) } : null;
    },

    liveOutput: of => readLiveOutput(db, of),

    async reported(hostId) {
      const [row] = await db.select({ acknowledged: hosts.acknowledged }).from(hosts).where(eq(hosts.id, hostId));
      return row?.acknowledged ?? 0;
    },
  };
}
