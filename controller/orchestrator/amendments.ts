import type { Clock } from '@tidemark/shared/base/clock.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import type { AmendmentAction } from '@tidemark/shared/orders/amendment.ts';
import type { ReportBody } from '@tidemark/shared/orders/report.ts';
import { type VerifiedAmendment, verifyAmendment } from '@tidemark/shared/signing/amendment.ts';
import { type Envelope, encodeEnvelope } from '@tidemark/shared/signing/dsse.ts';
import { whyNot } from './amending.ts';
import { runEvent } from './applying.ts';
import { heldFor } from './clusters.ts';
import type { OrchestratorError } from './errors.ts';
import type { KnownPlans } from './known-plans.ts';
import { pictureAt, pictureOf } from './picture.ts';
import type { IndexedHost, PlanIndex } from './plan-index.ts';
import type { Approvals, IsTrue, OrchestratorStore, RunTransaction, StoredHost, StoredJob } from './ports.ts';
import { RunMemory } from './run-memory.ts';
import type { Deadlines } from './snapshot.ts';
import { isActiveState } from './stored-snapshot.ts';

/*
 * Decisions of people beyond the orders. The controller checks and carries them; a host does them only by the signatures
 * that they bear, and they count here once the host has said that it took them.
 */

export interface AmendmentDependencies {
  store: OrchestratorStore;
  approvals: Approvals;
  planOf: KnownPlans;
  isTrue: IsTrue;
  clock: Clock;
  deadlines: Deadlines;
}

export interface AmendmentRequest {
  run: string;
  /** Name of the host. */
  host: string;
  envelope: Envelope;
  /** Who handed it in; who decided is told by the signatures. */
  by: string;
}

/** What was handed in, and is on its way to the host. */
export interface SentAmendment {
  digest: string;
  action: AmendmentAction;
  /** For people. */
  about: string;
  by: string[];
}

/** Takes a signed decision in, unless it would break a rule of the run; then the error says which. */
export async function amendRun(
  { store, approvals, planOf, isTrue, clock, deadlines }: AmendmentDependencies,
  { run, host: name, envelope, by: handedInBy }: AmendmentRequest,
): Promise<Result<SentAmendment, OrchestratorError>> {
  const root = await approvals.trustRoot();
  if (root === null) return fail('no-trust-root', 'the controller has no trust root, so it can verify no signature');
  return store.transaction(async transaction => {
    const head = await transaction.lockRun(run);
    if (head === null) return fail('unknown-run', `there is no run ${run}: see "tidemark get runs"`);
    if (!isActiveState(head.state)) return fail('run-ended', `run ${run} has ended: it ${head.state}`);
    const known = await planOf(head.plan);
    if (known === null || typeof known === 'string') return fail('broken-plan', `its plan cannot be read: ${known}`);
    const { plan, index } = known;
    const number = index.byName.get(name);
    const planned = number === undefined ? undefined : plan.orders.find(({ order }) => order.host.name === name);
    if (number === undefined || !planned) return fail('unknown-host', `run ${run} has no host ${name}`);
    const about = { hostId: planned.order.host.id, digest: planned.digest, order: planned.order };
    const verified = verifyAmendment(envelope, root, about, clock.now());
    if (!verified.ok) return fail('not-signed', `the decision does not count: ${verified.error.message}`);
    const { amendment, position, digest, by } = verified.value;
    const memory = new RunMemory(index, isTrue);
    await memory.refresh(transaction, run);
    await memory.refreshPresence(transaction, run);
    const picture = pictureOf(memory.snapshot(head, deadlines), clock.now());
    const why = whyNot(picture, pictureAt(picture, number), { action: amendment.action, position });
    if (why !== null) return fail('not-now', `${amendment.action} is refused: ${why}`);
    const isNew = await transaction.addAmendment({
      ...{ digest, run, hostId: about.hostId, action: amendment.action, job: amendment.job, reason: amendment.reason },
      ...{ approver: by.join(', '), envelope: encodeEnvelope(envelope).toString('utf8'), at: clock.now() },
    });
    if (!isNew)
      return fail('not-now', 'this very decision was handed in before: sign it anew to decide the same again');
    await transaction.send(about.hostId, { kind: 'amendment', payload: { digest } });
    const told = aboutOf(planned.order.jobs[position ?? -1]?.name ?? name, verified.value);
    await transaction.addEvents(run, [runEvent('amendment-signed', clock.now(), told, name)]);
    await transaction.audit({
      actor: by.join(', '),
      action: `amendment.${amendment.action}`,
      subject: run,
      detail: { host: name, job: amendment.job, reason: amendment.reason, digest, handedInBy },
    });
    return ok({ digest, action: amendment.action, about: told, by });
  });
}

const aboutOf = (what: string, { amendment, by }: VerifiedAmendment): string =>
  `${amendment.action} "${what}" by ${by.join(', ')}: ${amendment.reason}`;

interface Place {
  run: string;
  plan: PlanIndex;
  planned: IndexedHost;
  host: StoredHost;
  at: number;
}

type Amended = Extract<ReportBody, { type: 'amended' }>;

/** What the host has made of it. A host that was let to do more by a controller whose memory was lost is right. */
export async function amended(transaction: RunTransaction, place: Place, body: Amended): Promise<boolean> {
  const { run, planned, at } = place;
  const answer = body.refused === null ? { state: 'accepted' as const, message: '' } : refusalOf(body.refused);
  const known = await transaction.answerAmendment(body.amendment, { ...answer, at });
  if (known === 'answered') return false;
  const name = planned.planned.name;
  const what = body.job === null ? name : (planned.jobs[body.job]?.name ?? `job ${body.job}`);
  const reason = known === 'unknown' ? '' : `: ${known.reason}`;
  if (body.refused !== null) {
    const message = `${body.action} "${what}": ${body.refused.message}`;
    await transaction.addEvents(run, [runEvent('amendment-refused', at, message, name)]);
    return true;
  }
  await transaction.addEvents(run, [runEvent('amendment-taken', at, `${body.action} "${what}"${reason}`, name)]);
  if (body.action === 'undo') await turn(transaction, place, reason);
  else if (body.action === 'retry') await again(transaction, place, body.job ?? 0);
  else await settle(transaction, place, body.job ?? 0, body.action, known === 'unknown' ? '' : wordOf(known));
  return true;
}

const refusalOf = ({ code, message }: NonNullable<Amended['refused']>) => ({
  state: 'refused' as const,
  message: `${code}: ${message}`,
});

const wordOf = ({ approver, reason }: { approver: string; reason: string }): string => ` by ${approver}: ${reason}`;

/** It goes on: whatever was held because of it may go on too. */
async function free(transaction: RunTransaction, { run, plan, planned, host, at }: Place): Promise<void> {
  const { name, cluster, id } = planned.planned;
  if (host.heldBecause !== null) await transaction.setHost(run, host.hostId, { heldBecause: null });
  const freed = cluster === null ? [] : await transaction.releaseHeld(run, heldFor(cluster, name));
  // A wave ends without hosts that are held: with them it is open again.
  const hosts = [id, ...freed].map(hostId => plan.hosts[plan.byId.get(hostId) ?? -1]?.planned.wave);
  for (const wave of new Set(hosts)) if (wave !== undefined) await transaction.setWave(run, wave, { endedAt: null });
  await transaction.resolveIncidents(`host:${run}:${id}:`, at);
}

async function turn(transaction: RunTransaction, place: Place, reason: string): Promise<void> {
  const { run, host, at } = place;
  await transaction.moveJobs(run, host.hostId, {
    ...{ from: ['pending', 'released'], to: 'cancelled', below: null, endedAt: at },
    message: `the host is taken back${reason}`,
  });
  await transaction.setHost(run, host.hostId, { direction: 'undo', turnedAt: at, endedAt: null });
  await free(transaction, place);
}

/** From there on what was tried is history, and what was given up is to be done after all. */
async function again(transaction: RunTransaction, place: Place, position: number): Promise<void> {
  const { run, host } = place;
  const direction = host.direction;
  for (const job of host.jobs) {
    if (job.direction !== direction || job.state === 'running') continue;
    const isMeant = direction === 'forward' ? job.position >= position : job.position === position;
    if (!isMeant || (job.attempt === 0 && job.state !== 'cancelled' && job.state !== 'missed')) continue;
    const state = direction === 'undo' || job.position < host.frontier ? 'released' : 'pending';
    await transaction.putJob(run, host.hostId, {
      ...job,
      ...{ state, spent: job.attempt, message: '', startedAt: null, endedAt: null },
    });
  }
  await transaction.setHost(run, host.hostId, { endedAt: null });
  await free(transaction, place);
}

/** The job that the host stood at has been settled; one that is still ahead is told of when its turn comes. */
async function settle(
  transaction: RunTransaction,
  place: Place,
  position: number,
  action: 'skip' | 'done',
  word: string,
): Promise<void> {
  const { run, host, at } = place;
  const isIt = (job: StoredJob) => job.position === position && job.direction === host.direction;
  const job = host.jobs.find(isIt);
  if (!job || !['failed', 'missed', 'unknown'].includes(job.state)) return;
  await transaction.putJob(run, host.hostId, {
    ...job,
    ...(action === 'skip'
      ? { state: 'skipped' as const, message: `skipped${word}` }
      : { state: 'succeeded' as const, message: `done by hand${word}` }),
    endedAt: at,
  });
  // What was given up behind it is to be done after all.
  for (const later of host.jobs) {
    if (later.direction !== 'forward' || later.position <= position || later.state !== 'cancelled') continue;
    if (later.attempt > 0) continue;
    const state = later.position < host.frontier ? 'released' : 'pending';
    await transaction.putJob(run, host.hostId, { ...later, state, message: '', endedAt: null });
  }
  await transaction.setHost(run, host.hostId, { endedAt: null });
  await free(transaction, place);
}

/** Sends again what was decided and has not been answered: a connection may have swallowed it. */
export async function remindOf(transaction: RunTransaction, run: string, hostId: string): Promise<void> {
  for (const digest of await transaction.unansweredAmendments(run, hostId)) {
    await transaction.send(hostId, { kind: 'amendment', payload: { digest } });
  }
}

const fail = (code: OrchestratorError['code'], message: string) => err({ code, message });
