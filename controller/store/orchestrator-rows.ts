import type { OutputSummary } from '@tidemark/shared/orders/report.ts';
import { and, asc, eq, gt, inArray, type SQL, sql } from 'drizzle-orm';
import type { Presence, StoredHost, StoredJob, StoredRun, StoredRunHead } from '../orchestrator/ports.ts';
import { readDocuments } from './inventory-reader.ts';
import { hosts, incidents, runHosts, runJobs, runs, runWaves } from './schema.ts';
import type { Queries, Tx } from './store.ts';

/* Rows of runs as the orchestrator reads them. */

export const ACTIVE_STATES = ['running', 'paused', 'stopping', 'undoing'] as const;

export const ms = (date: Date | null): number | null => date?.getTime() ?? null;
export const date = (at: number | null): Date | null => (at === null ? null : new Date(at));

/** What is stored of a run as a whole; with `lock`, locked against everybody else who decides or reports for it. */
export async function readHead(tx: Queries, id: string, lock: boolean): Promise<StoredRunHead | null> {
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
    incidents: new Map(opened.map(({ key, state: known }) => [key, known])),
  };
}

/** A whole run, without facts. */
export async function readRun(tx: Tx, id: string): Promise<StoredRun | null> {
  const head = await readHead(tx, id, false);
  if (head === null) return null;
  return { ...head, hosts: new Map((await readHosts(tx, id, {})).map(host => [host.hostId, host])) };
}

/** The hosts of a run with their jobs, without facts: all, one of them, or those that changed after `since`. */
export async function readHosts(
  tx: Queries,
  run: string,
  { hostId, since }: { hostId?: string; since?: number },
): Promise<(StoredHost & { change: number })[]> {
  const which = and(
    eq(runHosts.run, run),
    hostId === undefined ? undefined : eq(runHosts.hostId, hostId),
    since === undefined || since === 0 ? undefined : gt(runHosts.change, since),
  );
  const rows = await tx
    .select({ host: runHosts, connected: hosts.connected, lastSeenAt: hosts.lastSeenAt })
    .from(runHosts)
    .innerJoin(hosts, eq(hosts.id, runHosts.hostId))
    .where(which);
  if (rows.length === 0) return [];
  const jobs = Map.groupBy(await readJobs(tx, run, which, rows.length), row => row.hostId);
  return rows.map(({ host, connected, lastSeenAt }) => ({
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
    facts: null,
    factsAsked:
      host.factsFirstAskedAt && host.factsLastAskedAt
        ? { first: host.factsFirstAskedAt.getTime(), last: host.factsLastAskedAt.getTime() }
        : null,
    jobs: (jobs.get(host.hostId) ?? []).map(jobOf),
    change: host.change,
  }));
}

/** By host id, of all hosts of a run. Plain rows: a tick reads ten thousand of them. */
export async function readPresence(tx: Queries, run: string): Promise<Map<string, Presence>> {
  const rows = await tx.execute<{ id: string; connected: boolean; seen: string | null; told: string | null }>(sql`
    select h.id, h.connected, (extract(epoch from h.last_seen_at) * 1000)::float8 as seen,
           (extract(epoch from f.observed_at) * 1000)::float8 as told
    from run_hosts r join hosts h on h.id = r.host_id left join inventories f on f.host_id = r.host_id
    where r.run = ${run}`);
  const number = (value: string | null) => (value === null ? null : Math.round(Number(value)));
  return new Map(
    rows.map(({ id, connected, seen, told }) => [
      id,
      { connected, lastSeenAt: number(seen), factsObservedAt: number(told) },
    ]),
  );
}

export const readFacts = (
  tx: Queries,
  hostIds: readonly string[],
): Promise<Map<string, NonNullable<StoredHost['facts']>>> => readDocuments(tx, hostIds);

type JobRow = Pick<
  typeof runJobs.$inferSelect,
  'hostId' | 'position' | 'direction' | 'job' | 'state' | 'attempt' | 'spent' | 'message' | 'startedAt' | 'endedAt'
>;

/** Without output, which is kept for people and can be large. */
function readJobs(tx: Queries, run: string, which: SQL | undefined, hostCount: number): Promise<JobRow[]> {
  const columns = {
    hostId: runJobs.hostId,
    position: runJobs.position,
    direction: runJobs.direction,
    job: runJobs.job,
    state: runJobs.state,
    attempt: runJobs.attempt,
    spent: runJobs.spent,
    message: runJobs.message,
    startedAt: runJobs.startedAt,
    endedAt: runJobs.endedAt,
  };
  // A few are looked up; for many the whole run is read and what was not asked for has no host.
  const of = tx.select({ id: runHosts.hostId }).from(runHosts).where(which);
  return tx
    .select(columns)
    .from(runJobs)
    .where(and(eq(runJobs.run, run), hostCount > MANY_HOSTS ? undefined : inArray(runJobs.hostId, of)))
    .orderBy(asc(runJobs.position));
}

/** From here on a scan of the run's jobs is quicker than so many look-ups. */
const MANY_HOSTS = 2_000;

export const jobOf = (row: JobRow): StoredJob => ({
  position: row.position,
  direction: row.direction,
  job: row.job,
  state: row.state,
  attempt: row.attempt,
  spent: row.spent,
  message: row.message,
  startedAt: ms(row.startedAt),
  endedAt: ms(row.endedAt),
});

export function outputOf(row: typeof runJobs.$inferSelect): OutputSummary | null {
  const { outputSize, outputDigest, outputHead, outputTail } = row;
  if (outputSize === null || outputDigest === null || outputHead === null || outputTail === null) return null;
  return { size: outputSize, digest: outputDigest, head: outputHead, tail: outputTail };
}
