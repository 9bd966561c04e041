import type { OutputSummary } from '@tidemark/shared/orders/report.ts';
import { and, asc, eq, gte, inArray, max, min } from 'drizzle-orm';
import type { StoredHost, StoredJob, StoredRun } from '../orchestrator/ports.ts';
import { facts, hosts, incidents, observations, runHosts, runJobs, runs, runWaves } from './schema.ts';
import type { Tx } from './store.ts';

/* Rows of runs as the orchestrator reads them. */

export const ACTIVE_STATES = ['running', 'paused', 'stopping'] as const;

export const ms = (date: Date | null): number | null => date?.getTime() ?? null;
export const date = (at: number | null): Date | null => (at === null ? null : new Date(at));

/** A whole run; with `lock`, locked against everybody else who decides or reports for it. */
export async function readRun(tx: Tx, id: string, lock: boolean): Promise<StoredRun | null> {
  const query = tx.select().from(runs).where(eq(runs.id, id));
  // Not FOR UPDATE, which would make every insert that refers to the run wait.
  const [run] = await (lock ? query.for('no key update') : query);
  if (!run) return null;
  const waves = await tx.select().from(runWaves).where(eq(runWaves.run, id));
  const opened = await tx
    .select({ key: incidents.key, state: incidents.state })
    .from(incidents)
    .where(eq(incidents.run, id));
  const { plan, state, reason, startedBy } = run;
  return {
    ...{ id, plan, state, reason, startedBy },
    startedAt: run.startedAt.getTime(),
    endedAt: ms(run.endedAt),
    waves: new Map(waves.map(wave => [wave.wave, { openedAt: ms(wave.openedAt), endedAt: ms(wave.endedAt) }])),
    hosts: new Map((await readHosts(tx, id, run.startedAt, null)).map(host => [host.hostId, host])),
    incidents: new Map(opened.map(({ key, state: known }) => [key, known])),
  };
}

/** The hosts of a run, or one of them, with their jobs. */
export async function readHosts(tx: Tx, run: string, startedAt: Date, hostId: string | null): Promise<StoredHost[]> {
  const rows = await tx
    .select({ host: runHosts, connected: hosts.connected, lastSeenAt: hosts.lastSeenAt, facts })
    .from(runHosts)
    .innerJoin(hosts, eq(hosts.id, runHosts.hostId))
    .leftJoin(facts, eq(facts.hostId, runHosts.hostId))
    .where(and(eq(runHosts.run, run), hostId === null ? undefined : eq(runHosts.hostId, hostId)));
  const jobs = Map.groupBy(await readJobs(tx, run, hostId), row => row.hostId);
  const asked = await readAsked(
    tx,
    rows.map(({ host }) => host.hostId),
    startedAt,
  );
  return rows.map(({ host, connected, lastSeenAt, facts: known }) => ({
    hostId: host.hostId,
    hostName: host.hostName,
    orderDigest: host.orderDigest,
    frontier: host.frontier,
    direction: host.direction,
    offeredAt: ms(host.offeredAt),
    acceptedAt: ms(host.acceptedAt),
    refusal: host.refusal,
    heldBecause: host.heldBecause,
    startedAt: ms(host.startedAt),
    turnedAt: ms(host.turnedAt),
    endedAt: ms(host.endedAt),
    connected,
    lastSeenAt: ms(lastSeenAt),
    facts: known ? { facts: known.facts as Record<string, unknown>, observedAt: known.observedAt.getTime() } : null,
    factsAsked: asked.get(host.hostId) ?? null,
    jobs: (jobs.get(host.hostId) ?? []).map(jobOf),
  }));
}

type JobRow = Pick<
  typeof runJobs.$inferSelect,
  'hostId' | 'position' | 'direction' | 'job' | 'state' | 'attempt' | 'message' | 'startedAt' | 'endedAt'
>;

/** Without output, which is kept for people and can be large. */
const readJobs = (tx: Tx, run: string, hostId: string | null): Promise<JobRow[]> =>
  tx
    .select({
      hostId: runJobs.hostId,
      position: runJobs.position,
      direction: runJobs.direction,
      job: runJobs.job,
      state: runJobs.state,
      attempt: runJobs.attempt,
      message: runJobs.message,
      startedAt: runJobs.startedAt,
      endedAt: runJobs.endedAt,
    })
    .from(runJobs)
    .where(and(eq(runJobs.run, run), hostId === null ? undefined : eq(runJobs.hostId, hostId)))
    .orderBy(asc(runJobs.position));

export const jobOf = (row: JobRow): StoredJob => ({
  position: row.position,
  direction: row.direction,
  job: row.job,
  state: row.state,
  attempt: row.attempt,
  message: row.message,
  startedAt: ms(row.startedAt),
  endedAt: ms(row.endedAt),
});

export function outputOf(row: typeof runJobs.$inferSelect): OutputSummary | null {
  const { outputSize, outputDigest, outputHead, outputTail } = row;
  if (outputSize === null || outputDigest === null || outputHead === null || outputTail === null) return null;
  return { size: outputSize, digest: outputDigest, head: outputHead, tail: outputTail };
}

/** When facts were asked for since the run began. */
async function readAsked(
  tx: Tx,
  hostIds: string[],
  since: Date,
): Promise<Map<string, { first: number; last: number }>> {
  if (hostIds.length === 0) return new Map();
  const rows = await tx
    .select({ hostId: observations.hostId, first: min(observations.createdAt), last: max(observations.createdAt) })
    .from(observations)
    .where(
      and(inArray(observations.hostId, hostIds), eq(observations.kind, 'facts'), gte(observations.createdAt, since)),
    )
    .groupBy(observations.hostId);
  return new Map(
    rows.flatMap(({ hostId, first, last }) =>
      first && last ? [[hostId, { first: first.getTime(), last: last.getTime() }] as const] : [],
    ),
  );
}
