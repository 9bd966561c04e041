import { present } from '@tidemark/shared/base/assert.ts';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { OrderStanding, Report, ReportBody } from '@tidemark/shared/orders/report.ts';
import { amended, remindOf } from './amendments.ts';
import { dispatch, jobEvent, offer, runEvent } from './applying.ts';
import type { KnownPlans } from './known-plans.ts';
import { lessonOf } from './learning.ts';
import type { IndexedHost, PlanIndex } from './plan-index.ts';
import type { HostChange, OrchestratorStore, RunTransaction, StoredHost } from './ports.ts';
import { afterReport } from './reports.ts';
import { NOT_BEGUN } from './stored-snapshot.ts';

interface RecordingDependencies {
  store: OrchestratorStore;
  planOf: KnownPlans;
  clock: Clock;
  /** Something may have to be decided now. */
  wake(): void;
}

type JobBody = Extract<ReportBody, { type: 'job' }>;

/** What agents say of orders and jobs. Repeated, late and unknown reports change nothing. */
export function createRecording({ store, planOf, clock, wake }: RecordingDependencies) {
  /**
   * Hosts that have said hello and reported nothing since. Only then may numbers be missing: the agent has dropped what
   * it once was told is stored, and the database has forgotten it since (it was restored).
   */
  const afterHello = new Set<string>();

  /** Stores reports and gives the highest sequence up to which all are stored; call it acknowledged only then. */
  async function record({ hostId, reports }: { hostId: string; reports: readonly Report[] }): Promise<number> {
    const acknowledged = await store.transaction(async transaction => {
      const stored = await transaction.lockReports(hostId);
      if (stored === null) return 0;
      const fresh = inSequence(reports, stored, afterHello.has(hostId));
      const told: unknown[] = [];
      for (const report of fresh) {
        const noted = await apply(transaction, hostId, report);
        if (noted) told.push({ sequence: report.sequence, ...noted });
      }
      const last = fresh.at(-1)?.sequence ?? stored;
      if (fresh.length > 0) await transaction.setReported(hostId, last);
      if (told.length > 0) {
        await transaction.audit({
          actor: `agent:${hostId}`,
          action: 'reports.stored',
          subject: hostId,
          detail: { reports: told },
        });
      }
      return last;
    });
    if (reports.length > 0) afterHello.delete(hostId);
    wake();
    return acknowledged;
  }

  async function apply(
    transaction: RunTransaction,
    hostId: string,
    { body, atMs }: Report,
  ): Promise<Record<string, unknown> | null> {
    if (body.orderDigest === null) return { ...body };
    const order =
      (await transaction.orderOf(hostId, body.orderDigest)) ??
      (body.type === 'order-refused' ? await refusedUnderAnotherDigest(transaction, hostId) : null);
    if (order === null) return { ...summary(body), note: 'no order of this host' };
    const host = present(await transaction.hostOf(order.run, hostId), `host ${hostId} in ${order.run}`);
    const known = await planOf(order.plan);
    const index = known !== null && typeof known !== 'string' ? known.index : null;
    const planned = index?.hosts[index.byId.get(hostId) ?? -1];
    if (!index || !planned) return { ...summary(body), note: 'its plan cannot be read' };
    // A server's clock may be ahead; an event is never later than when it was heard of.
    const now = clock.now();
    const at = Math.min(atMs, now);
    const place = { run: order.run, plan: order.plan, index, planned, host, at, aheadMs: atMs - at };
    const changed = await applyBody(transaction, place, body);
    return changed ? summary(body) : null;
  }

  async function onHello({
    hostId,
    standings,
  }: {
    hostId: string;
    standings: readonly OrderStanding[];
  }): Promise<void> {
    afterHello.add(hostId);
    await store.transaction(async transaction => {
      for (const { run, plan } of await transaction.activeOrders(hostId)) {
        const host = await transaction.hostOf(run, hostId);
        if (!host) continue;
        await catchUp(transaction, { run, plan, host, now: clock.now() }, standings);
      }
    });
    wake();
  }

  /** The facts that a run asked for have come; the inventory has them already. */
  async function onFacts({ hostId, request }: { hostId: string; request: string }): Promise<void> {
    if (request !== '') await store.transaction(transaction => transaction.answerFacts(hostId, request, clock.now()));
    wake();
  }

  return { record, onHello, onFacts, reported: (hostId: string) => store.read.reported(hostId) };
}

/**
 * An order that was changed on its way, or in the database, has another digest when it arrives: what the host refused is
 * the one that it was offered and has not accepted, and people must hear of it.
 */
async function refusedUnderAnotherDigest(
  transaction: RunTransaction,
  hostId: string,
): Promise<{ run: string; plan: string } | null> {
  for (const order of await transaction.activeOrders(hostId)) {
    const host = await transaction.hostOf(order.run, hostId);
    if (host && host.offeredAt !== null && host.acceptedAt === null) return order;
  }
  return null;
}

/** Those that are new, in their order, up to the first number that is missing. */
function inSequence(reports: readonly Report[], stored: number, mayBegin: boolean): Report[] {
  const sorted = reports.filter(report => report.sequence > stored).toSorted((a, b) => a.sequence - b.sequence);
  const fresh: Report[] = [];
  let next = stored + 1;
  for (const report of sorted) {
    if (report.sequence < next) continue;
    if (report.sequence > next && !(mayBegin && fresh.length === 0)) break;
    fresh.push(report);
    next = report.sequence + 1;
  }
  return fresh;
}

interface Place {
  run: string;
  plan: string;
  index: PlanIndex;
  planned: IndexedHost;
  host: StoredHost;
  at: number;
  /** By how much the server's clock is ahead, as far as that can be seen. */
  aheadMs: number;
}

/** Whether the report changed anything. */
async function applyBody(transaction: RunTransaction, place: Place, body: ReportBody): Promise<boolean> {
  const { run, host, at } = place;
  const set = (change: HostChange) => transaction.setHost(run, host.hostId, change);
  switch (body.type) {
    case 'order-accepted':
      if (host.acceptedAt !== null) return false;
      await set({ acceptedAt: at, refusal: null });
      return true;
    case 'order-refused':
      // An offer that came twice: the first one was taken.
      if (body.code === 'already-accepted') {
        if (host.acceptedAt === null) await set({ acceptedAt: at });
        return host.acceptedAt === null;
      }
      if (host.acceptedAt !== null || host.refusal !== null) return false;
      await set({ refusal: `${body.code}: ${body.message}` });
      return true;
    case 'dispatch-refused':
      await dispatchRefused(transaction, place, body);
      return true;
    case 'order-finished':
      if (host.direction !== body.direction || host.endedAt !== null) return false;
      await set({ endedAt: at });
      return true;
    case 'amended':
      return amended(transaction, { ...place, plan: place.index }, body);
    case 'job':
      return jobReported(transaction, place, body);
  }
}

async function jobReported(transaction: RunTransaction, place: Place, body: JobBody): Promise<boolean> {
  const { run, index, planned, host, at, aheadMs } = place;
  const job = planned.jobs[body.job];
  if (!job) return false;
  const before = host.jobs.find(known => known.position === body.job && known.direction === body.direction);
  const after = afterReport(before ?? NOT_BEGUN, { attempt: body.attempt, kind: body.kind, message: body.message, at });
  if (after === null) return false;
  await transaction.putJob(run, host.hostId, {
    position: body.job,
    direction: body.direction,
    job: job.id,
    ...after,
    facts: body.facts,
    output: body.output,
  });
  await transaction.addEvents(run, [
    jobEvent(planned, body.job, body.kind, at, body.message, { attempt: body.attempt, direction: body.direction }),
  ]);
  const durationMs = body.direction === 'forward' ? lessonOf(job, before ?? NOT_BEGUN, after) : null;
  if (durationMs !== null && aheadMs <= MOST_AHEAD_MS) {
    const bundle = index.header.bundle.name;
    await transaction.learn({ hostId: host.hostId, kind: job.kind, bundle, durationMs, endedAt: at });
  }
  const learnt = learnFrom(host, body, at);
  if (Object.keys(learnt).length > 0) await transaction.setHost(run, host.hostId, learnt);
  return true;
}

/** Times of a clock that is further ahead were put back to when they were heard of: what lies between them is nothing. */
const MOST_AHEAD_MS = 5_000;

/** An agent that did more than is known here was let to by a controller whose memory was lost: it is right. */
function learnFrom(host: StoredHost, body: JobBody, at: number): HostChange {
  const change: HostChange = {};
  if (host.acceptedAt === null) change.acceptedAt = at;
  if (host.startedAt === null) change.startedAt = at;
  if (body.direction === 'undo' && host.direction === 'forward') {
    change.direction = 'undo';
    change.turnedAt = at;
    change.endedAt = null;
  }
  if (body.direction === 'forward' && body.job >= host.frontier) change.frontier = body.job + 1;
  return change;
}

/** Refused by mistake or on purpose, somebody should know; the next attempt is made once and not for ever. */
async function dispatchRefused(
  transaction: RunTransaction,
  { run, plan, planned, host, at }: Place,
  { code, message }: Extract<ReportBody, { type: 'dispatch-refused' }>,
): Promise<void> {
  const title = `${host.hostName} refused a dispatch: ${message}`;
  const isNew = await transaction.openIncident({
    key: `dispatch:${run}:${host.hostId}:${code}`,
    run,
    hostId: host.hostId,
    title,
    detail:
      `Code ${code}. It was sent once more. If that is refused too, compare the clocks of controller and server, and ` +
      'make sure that no other controller speaks for this fleet.',
    at,
  });
  if (!isNew) return;
  await transaction.addEvents(run, [runEvent('incident-opened', at, title, planned.planned.name)]);
  if (code === 'unknown-order') await offer(transaction, plan, host.hostId);
  await dispatch(transaction, run, host);
}

/** Brings an agent that comes back up to what was decided while it was away, and learns what it knows better. */
async function catchUp(
  transaction: RunTransaction,
  { run, plan, host, now }: { run: string; plan: string; host: StoredHost; now: number },
  standings: readonly OrderStanding[],
): Promise<void> {
  const standing = standings.find(({ orderDigest }) => orderDigest === host.orderDigest);
  if (!standing) {
    if (host.offeredAt !== null && host.acceptedAt === null && host.refusal === null) {
      await offer(transaction, plan, host.hostId);
    }
    return;
  }
  const change: HostChange = {};
  if (host.acceptedAt === null) change.acceptedAt = now;
  if (standing.direction === 'undo' && host.direction === 'forward') {
    change.direction = 'undo';
    change.turnedAt = now;
  } else if (standing.frontier > host.frontier) {
    change.frontier = standing.frontier;
  }
  if (Object.keys(change).length > 0) await transaction.setHost(run, host.hostId, change);
  const isBehind = host.direction === 'undo' ? standing.direction === 'forward' : standing.frontier < host.frontier;
  if (isBehind && standing.direction === 'forward') await dispatch(transaction, run, host);
  await remindOf(transaction, run, host.hostId);
}

/** A report as the audit keeps it: what happened, without output. */
function summary(body: ReportBody): Record<string, unknown> {
  if (body.type !== 'job') return { ...body };
  const { type, orderDigest, job, attempt, direction, kind } = body;
  return { type, orderDigest, job, attempt, direction, kind };
}
