import { present } from '@tidemark/shared/base/assert.ts';
import type { IndexedHost, PlanIndex } from './plan-index.ts';
import type { HostChange, NewRunEvent, RunEventName, RunTransaction, StoredHost, StoredRun } from './ports.ts';
import type { Reminder } from './reminding.ts';
import type { Action, HostSnapshot } from './snapshot.ts';

/** Who the audit names where the rules themselves acted. */
const ACTOR = 'orchestrator';

/** Brings what was decided into the database, with what is to be sent for it, within the caller's transaction. */
export async function applyActions(
  transaction: RunTransaction,
  { run, plan, actions, now }: { run: StoredRun; plan: PlanIndex; actions: readonly Action[]; now: number },
): Promise<void> {
  const context = { transaction, run, plan, now };
  const offered = actions.flatMap(action => (action.action === 'offerOrder' ? [idOf(plan, action.host)] : []));
  if (offered.length > 0) await transaction.offerOrders(run.id, plan.digest, offered, now);
  for (const action of actions) await apply(context, action);
  await transaction.audit({
    actor: ACTOR,
    action: 'run.decided',
    subject: run.id,
    detail: { actions: actions.map(action => told(plan, action)) },
  });
}

interface Context {
  transaction: RunTransaction;
  run: StoredRun;
  plan: PlanIndex;
  now: number;
}

async function apply(context: Context, action: Action): Promise<void> {
  const { transaction, run, plan, now } = context;
  switch (action.action) {
    case 'openWave':
      await transaction.setWave(run.id, waveName(plan, action.wave), { openedAt: now });
      return tell(context, 'wave-opened', waveName(plan, action.wave));
    case 'endWave': {
      const name = waveName(plan, action.wave);
      await transaction.setWave(run.id, name, { endedAt: now });
      const opened = run.waves.get(name)?.openedAt ?? null;
      return tell(context, 'wave-ended', opened === null ? `${name}: nobody in it could begin` : name);
    }
    case 'offerOrder':
      // All at once, before this: they go out to every host when the run begins.
      return;
    case 'release':
      return release(context, action.host, action.upTo);
    case 'undo':
      return undo(context, action.host, action.reason);
    case 'hold':
      await transaction.setHost(run.id, idOf(plan, action.host), { heldBecause: action.reason });
      return tell(context, 'host-held', action.reason, action.host);
    case 'letGo':
      return transaction.setHost(run.id, idOf(plan, action.host), { heldBecause: null });
    case 'observeFacts':
      return transaction.askForFacts(run.id, idOf(plan, action.host), { since: action.since, at: now });
    case 'openIncident':
      await transaction.openIncident({
        key: action.key,
        run: run.id,
        hostId: action.host === null ? null : idOf(plan, action.host),
        title: action.title,
        detail: action.detail,
        at: now,
        ...(action.position !== undefined && { position: action.position }),
        ...(action.direction && { direction: action.direction }),
        ...(action.cause && { cause: action.cause }),
      });
      return tell(context, 'incident-opened', action.title, action.host);
    case 'resolveIncident':
      return transaction.resolveIncident(action.key, now);
    case 'cancel':
      await transaction.setHost(run.id, idOf(plan, action.host), { endedAt: now });
      return giveUp(context, action.host, action.as, action.reason);
    case 'pauseRun':
      await transaction.setRun(run.id, { state: 'paused', reason: action.reason, endedAt: null });
      return tell(context, 'run-paused', action.reason);
    case 'stopRun':
      return transaction.setRun(run.id, { state: 'stopping', reason: action.reason, endedAt: null });
    case 'endRun':
      return end(context, action);
  }
}

async function release({ transaction, run, plan, now }: Context, index: number, upTo: number): Promise<void> {
  const host = hostAt(plan, index);
  const { id } = host.planned;
  const stored = present(run.hosts.get(id), id);
  const change: HostChange = { frontier: upTo };
  if (stored.startedAt === null) change.startedAt = now;
  await transaction.setHost(run.id, id, change);
  const moved = await transaction.moveJobs(run.id, id, {
    from: ['pending'],
    to: 'released',
    below: upTo,
    message: '',
    endedAt: null,
  });
  await transaction.addEvents(
    run.id,
    moved.map(position => jobEvent(host, position, 'released', now, '')),
  );
  await transaction.send(id, {
    kind: 'dispatch',
    payload: { orderDigest: stored.orderDigest, frontier: upTo, direction: 'forward', run: run.id },
  });
}

async function undo(context: Context, index: number, reason: string): Promise<void> {
  const { transaction, run, plan, now } = context;
  const { id } = hostAt(plan, index).planned;
  await giveUp(context, index, 'cancelled', `the host is taken back: ${reason}`);
  await transaction.setHost(run.id, id, { direction: 'undo', turnedAt: now, endedAt: null });
  await transaction.send(id, {
    kind: 'dispatch',
    payload: { orderDigest: present(run.hosts.get(id), id).orderDigest, frontier: 0, direction: 'undo', run: run.id },
  });
}

/** Jobs that were not begun will not be. */
async function giveUp(
  { transaction, run, plan, now }: Context,
  index: number,
  as: 'cancelled' | 'missed',
  reason: string,
): Promise<void> {
  const host = hostAt(plan, index);
  const moved = await transaction.moveJobs(run.id, host.planned.id, {
    from: ['pending', 'released'],
    to: as,
    below: null,
    message: reason,
    endedAt: now,
  });
  await transaction.addEvents(
    run.id,
    moved.map(position => jobEvent(host, position, as, now, reason)),
  );
}

async function end(context: Context, { state, reason }: Extract<Action, { action: 'endRun' }>): Promise<void> {
  const { transaction, run, plan, now } = context;
  for (const host of plan.hosts) {
    const stored = present(run.hosts.get(host.planned.id), host.planned.name);
    if (stored.jobs.every(job => !['pending', 'released', 'running'].includes(job.state))) continue;
    await close(context, host, stored.direction === 'undo' || stored.heldBecause !== null);
  }
  await transaction.setRun(run.id, { state, reason, endedAt: now });
  await tell(context, `run-${state}`, reason);
}

/** Nothing stays "running" for ever: what was released to a host that fell silent is unknown, the rest is cancelled. */
async function close({ transaction, run, now }: Context, host: IndexedHost, stands: boolean): Promise<void> {
  const { id, name } = host.planned;
  const moves = [
    {
      from: ['running'] as const,
      to: 'unknown' as const,
      message: `the run ended and ${name} had not said how this ended`,
    },
    {
      from: ['released'] as const,
      to: stands ? ('cancelled' as const) : ('unknown' as const),
      message: stands ? 'the run ended before it' : `the run ended and ${name} had not said whether this began`,
    },
    { from: ['pending'] as const, to: 'cancelled' as const, message: 'the run ended before it' },
  ];
  for (const { from, to, message } of moves) {
    const moved = await transaction.moveJobs(run.id, id, { from, to, below: null, message, endedAt: now });
    await transaction.addEvents(
      run.id,
      moved.map(position => jobEvent(host, position, to, now, message)),
    );
  }
}

/** Tells the host, once more, where it may go to. */
export const dispatch = (transaction: RunTransaction, run: string, host: StoredHost): Promise<void> =>
  transaction.send(host.hostId, {
    kind: 'dispatch',
    payload: {
      orderDigest: host.orderDigest,
      frontier: host.direction === 'undo' ? 0 : host.frontier,
      direction: host.direction,
      run,
    },
  });

/** Sends again what nobody seems to have got. */
export async function remind(
  transaction: RunTransaction,
  run: StoredRun,
  plan: PlanIndex,
  reminders: readonly Reminder[],
): Promise<void> {
  for (const { host, of } of reminders) {
    const id = idOf(plan, host);
    if (of === 'offer') await offer(transaction, plan.digest, id);
    else await dispatch(transaction, run.id, present(run.hosts.get(id), id));
  }
}

export const offer = (transaction: RunTransaction, plan: string, hostId: string): Promise<void> =>
  transaction.send(hostId, { kind: 'order-offer', payload: { plan, hostId } });

export function jobEvent(
  host: IndexedHost,
  position: number,
  event: NewRunEvent['event'],
  at: number,
  message: string,
  { attempt = 1, direction = 'forward' }: { attempt?: number; direction?: HostSnapshot['direction'] } = {},
): NewRunEvent {
  const job = host.jobs[position];
  return {
    at,
    host: host.planned.name,
    job: job?.id ?? null,
    step: job?.step ?? null,
    event,
    attempt,
    direction,
    message,
  };
}

export const runEvent = (
  event: RunEventName,
  at: number,
  message: string,
  host: string | null = null,
): NewRunEvent => ({
  at,
  host,
  job: null,
  step: null,
  event,
  attempt: null,
  direction: null,
  message,
});

const tell = (
  { transaction, run, plan, now }: Context,
  event: RunEventName,
  message: string,
  host: number | null = null,
) =>
  transaction.addEvents(run.id, [
    runEvent(event, now, message, host === null ? null : hostAt(plan, host).planned.name),
  ]);

/** An action as the audit shows it: hosts and waves by name. */
function told(plan: PlanIndex, action: Action): Record<string, unknown> {
  const named: Record<string, unknown> = { ...action };
  if ('host' in action && action.host !== null) named['host'] = hostAt(plan, action.host).planned.name;
  if ('wave' in action) named['wave'] = waveName(plan, action.wave);
  return named;
}

const hostAt = (plan: PlanIndex, index: number): IndexedHost => present(plan.hosts[index], `host number ${index}`);
const idOf = (plan: PlanIndex, index: number): string => hostAt(plan, index).planned.id;
const waveName = (plan: PlanIndex, wave: number): string => present(plan.header.waves[wave], `wave ${wave}`).name;
