import { randomUUID } from 'node:crypto';
import { assert } from '@tidemark/shared/base/assert.ts';
import type { Json } from '@tidemark/shared/base/canonical-json.ts';
import { and, asc, eq, inArray, lt, sql } from 'drizzle-orm';
import type { HostChange, RunTransaction } from '../orchestrator/ports.ts';
import { amendmentWrites } from './amendments.ts';
import * as audit from './audit.ts';
import { learn } from './durations.ts';
import { openIncident, resolveIncident, resolveIncidents } from './incidents.ts';
import * as leases from './leases.ts';
import { limitClaimsOf } from './limit-claims.ts';
import { ACTIVE_STATES, date, readFacts, readHead, readHosts, readPresence } from './orchestrator-rows.ts';
import * as outbox from './outbox.ts';
import { hosts, liveOutput, observations, runEvents, runHosts, runJobs, runs, runWaves } from './schema.ts';
import type { Tx } from './store.ts';

/** Any number that no other program takes for an advisory lock in this database: "tmru" in ASCII. */
const STARTING_LOCK = 0x746d7275;

/** What the orchestrator does within one transaction. */
export function runTransaction(tx: Tx): RunTransaction {
  return { ...starting(tx), ...deciding(tx), ...recording(tx), ...amendmentWrites(tx), claims: limitClaimsOf(tx) };
}

type Starting = Pick<RunTransaction, 'lockStarting' | 'runOfPlan' | 'busyHosts' | 'enrolledHosts' | 'createRun'>;

const starting = (tx: Tx): Starting => ({
  async lockStarting() {
    await tx.execute(sql`select pg_advisory_xact_lock(${STARTING_LOCK})`);
  },

  async runOfPlan(plan) {
    const [row] = await tx.select({ id: runs.id }).from(runs).where(eq(runs.plan, plan));
    return row?.id ?? null;
  },

  async busyHosts(hostIds) {
    if (hostIds.length === 0) return [];
    return tx
      .select({ host: runHosts.hostName, run: runHosts.run })
      .from(runHosts)
      .innerJoin(runs, eq(runs.id, runHosts.run))
      .where(and(inArray(runHosts.hostId, [...hostIds]), inArray(runs.state, [...ACTIVE_STATES])))
      .orderBy(asc(runHosts.hostName));
  },

  async enrolledHosts(hostIds) {
    if (hostIds.length === 0) return new Set();
    const rows = await tx
      .select({ id: hosts.id })
      .from(hosts)
      .where(and(inArray(hosts.id, [...hostIds]), eq(hosts.state, 'enrolled')));
    return new Set(rows.map(({ id }) => id));
  },

  async createRun({ plan, startedBy, startedAt, waves, hosts: planned }) {
    const [next] = await tx.execute(sql`select nextval(pg_get_serial_sequence('runs', 'number')) as number`);
    const number = Number(next?.['number']);
    assert(Number.isSafeInteger(number), 'the database gave no number for the run');
    const run = `r${number}`;
    await tx
      .insert(runs)
      .values({ id: run, number, plan, state: 'running', startedBy, startedAt: new Date(startedAt) });
    for (const some of chunks(waves)) await tx.insert(runWaves).values(some.map(wave => ({ run, wave })));
    for (const some of chunks(planned)) {
      await tx
        .insert(runHosts)
        .values(some.map(({ hostId, hostName, orderDigest }) => ({ run, hostId, hostName, orderDigest })));
    }
    const rows = planned.flatMap(({ hostId, jobs }) =>
      jobs.map((job, position) => ({
        run,
        hostId,
        position,
        job,
        direction: 'forward' as const,
        state: 'pending' as const,
      })),
    );
    for (const some of chunks(rows)) await tx.insert(runJobs).values(some);
    return run;
  },
});

type Deciding = Omit<
  RunTransaction,
  | 'claims'
  | keyof Starting
  | keyof ReturnType<typeof amendmentWrites>
  | 'lockReports'
  | 'setReported'
  | 'orderOf'
  | 'hostOf'
  | 'activeOrders'
  | 'answerFacts'
  | 'learn'
>;

const deciding = (tx: Tx): Deciding => ({
  lockRun: run => readHead(tx, run, true),

  async changedHosts(run, since) {
    const changed = await readHosts(tx, run, { since });
    return { hosts: changed, upTo: changed.reduce((highest, { change }) => Math.max(highest, change), since) };
  },

  presence: run => readPresence(tx, run),
  factsOf: hostIds => readFacts(tx, hostIds),
  holdsLease: (name, holder, epoch) => leases.holds(tx, { name, holder, epoch }),

  async setRun(run, { state, reason, endedAt }) {
    await tx
      .update(runs)
      .set({ state, reason, endedAt: date(endedAt) })
      .where(eq(runs.id, run));
  },

  async setWave(run, wave, { openedAt, endedAt }) {
    await tx
      .update(runWaves)
      .set({
        ...(openedAt === undefined ? {} : { openedAt: date(openedAt) }),
        ...(endedAt === undefined ? {} : { endedAt: date(endedAt) }),
      })
      .where(and(eq(runWaves.run, run), eq(runWaves.wave, wave)));
  },

  async setHost(run, hostId, change) {
    await tx
      .update(runHosts)
      .set({ ...hostColumns(change), change: nextChange })
      .where(and(eq(runHosts.run, run), eq(runHosts.hostId, hostId)));
  },

  async moveJobs(run, hostId, { from, to, below, message, endedAt }) {
    const moved = await tx
      .update(runJobs)
      .set({ state: to, message, endedAt: date(endedAt) })
      .where(
        and(
          eq(runJobs.run, run),
          eq(runJobs.hostId, hostId),
          eq(runJobs.direction, 'forward'),
          inArray(runJobs.state, [...from]),
          below === null ? undefined : lt(runJobs.position, below),
        ),
      )
      .returning({ position: runJobs.position });
    if (moved.length > 0) await touch(tx, run, hostId);
    return moved.map(({ position }) => position).sort((a, b) => a - b);
  },

  async putJob(run, hostId, { facts, output, startedAt, endedAt, position, direction, job, ...told }) {
    const columns = {
      ...told,
      startedAt: date(startedAt),
      endedAt: date(endedAt),
      facts: facts ?? null,
      outputSize: output?.size ?? null,
      outputDigest: output ? Buffer.from(output.digest) : null,
      outputHead: output ? Buffer.from(output.head) : null,
      outputTail: output ? Buffer.from(output.tail) : null,
    };
    await tx
      .insert(runJobs)
      .values({ run, hostId, position, direction, job, ...columns })
      .onConflictDoUpdate({
        target: [runJobs.run, runJobs.hostId, runJobs.position, runJobs.direction],
        set: columns,
      });
    if (output && direction === 'forward') {
      await tx
        .delete(liveOutput)
        .where(and(eq(liveOutput.run, run), eq(liveOutput.hostId, hostId), eq(liveOutput.position, position)));
    }
    await touch(tx, run, hostId);
  },

  async addEvents(run, events) {
    for (const some of chunks(events)) {
      await tx.insert(runEvents).values(some.map(event => ({ ...event, run, at: new Date(event.at) })));
    }
  },

  openIncident: incident => openIncident(tx, incident),
  resolveIncident: (key, at) => resolveIncident(tx, key, at),
  resolveIncidents: (prefix, at) => resolveIncidents(tx, prefix, at),

  async releaseHeld(run, because) {
    const freed = await tx
      .update(runHosts)
      .set({ heldBecause: null, change: nextChange })
      .where(and(eq(runHosts.run, run), eq(runHosts.heldBecause, because)))
      .returning({ id: runHosts.hostId });
    return freed.map(({ id }) => id);
  },

  send: (hostId, message) => outbox.add(tx, { ...message, hostId }),

  async askForFacts(run, hostId, { since, at }) {
    const request = randomUUID();
    await tx
      .update(runHosts)
      .set({ factsFirstAskedAt: new Date(since), factsLastAskedAt: new Date(at), change: nextChange })
      .where(and(eq(runHosts.run, run), eq(runHosts.hostId, hostId)));
    await tx.insert(observations).values({ id: request, hostId, kind: 'facts', createdAt: new Date(at) });
    await outbox.add(tx, { hostId, kind: 'observe-facts', payload: { request } });
  },

  async offerOrders(run, plan, hostIds, at) {
    for (const some of chunks(hostIds)) {
      await tx
        .update(runHosts)
        .set({ offeredAt: new Date(at), change: nextChange })
        .where(and(eq(runHosts.run, run), inArray(runHosts.hostId, some)));
      await outbox.addAll(
        tx,
        some.map(hostId => ({ hostId, kind: 'order-offer', payload: { plan, hostId } })),
      );
    }
  },

  async audit({ actor, action, subject, detail }) {
    await audit.append(tx, { actor, action, subject, detail: detail as Json });
  },
});

type Recording = Pick<
  RunTransaction,
  'lockReports' | 'setReported' | 'orderOf' | 'hostOf' | 'activeOrders' | 'answerFacts' | 'learn'
>;

const recording = (tx: Tx): Recording => ({
  async lockReports(hostId) {
    const [row] = await tx
      .select({ acknowledged: hosts.acknowledged })
      .from(hosts)
      .where(eq(hosts.id, hostId))
      // Others may go on to refer to the host meanwhile: a decision does, while it holds the run that is wanted here.
      .for('no key update');
    return row?.acknowledged ?? null;
  },

  async setReported(hostId, sequence) {
    await tx.update(hosts).set({ acknowledged: sequence }).where(eq(hosts.id, hostId));
  },

  async orderOf(hostId, orderDigest) {
    const [row] = await tx
      .select({ run: runs.id, plan: runs.plan, state: runs.state })
      .from(runs)
      .innerJoin(runHosts, eq(runHosts.run, runs.id))
      .where(and(eq(runHosts.orderDigest, orderDigest), eq(runHosts.hostId, hostId)))
      // Reports of many hosts come at once, and a decision waits for them or they for it.
      .for('share', { of: runs });
    return row ? { run: row.run, plan: row.plan, active: isActive(row.state) } : null;
  },

  async hostOf(run, hostId) {
    const [host] = await readHosts(tx, run, { hostId });
    return host ?? null;
  },

  activeOrders: hostId =>
    tx
      .select({ run: runs.id, plan: runs.plan, orderDigest: runHosts.orderDigest })
      .from(runs)
      .innerJoin(runHosts, eq(runHosts.run, runs.id))
      .where(and(eq(runHosts.hostId, hostId), inArray(runs.state, [...ACTIVE_STATES])))
      .for('share', { of: runs }),

  learn: step => learn(tx, step),

  async answerFacts(hostId, request, at) {
    if (!UUID.test(request)) return;
    await tx
      .update(observations)
      .set({ state: 'done', endedAt: new Date(at) })
      .where(and(eq(observations.id, request), eq(observations.hostId, hostId), eq(observations.state, 'asked')));
  },
});

const nextChange = sql`nextval('run_changes')`;

/** A job of this host has changed. */
async function touch(tx: Tx, run: string, hostId: string): Promise<void> {
  await tx
    .update(runHosts)
    .set({ change: nextChange })
    .where(and(eq(runHosts.run, run), eq(runHosts.hostId, hostId)));
}

/** What an agent sends back as a request is its own text: only a UUID can be looked up. */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

const isActive = (state: string): boolean => (ACTIVE_STATES as readonly string[]).includes(state);

function hostColumns({ offeredAt, acceptedAt, startedAt, turnedAt, endedAt, ...plain }: HostChange) {
  return {
    ...plain,
    ...(offeredAt === undefined ? {} : { offeredAt: date(offeredAt) }),
    ...(acceptedAt === undefined ? {} : { acceptedAt: date(acceptedAt) }),
    ...(startedAt === undefined ? {} : { startedAt: date(startedAt) }),
    ...(turnedAt === undefined ? {} : { turnedAt: date(turnedAt) }),
    ...(endedAt === undefined ? {} : { endedAt: date(endedAt) }),
  };
}

/** A statement takes at most 65,535 parameters, and no row here has more than twenty. */
const CHUNK = 2_000;

function* chunks<T>(rows: readonly T[]): Generator<T[]> {
  for (let at = 0; at < rows.length; at += CHUNK) yield rows.slice(at, at + CHUNK);
}
