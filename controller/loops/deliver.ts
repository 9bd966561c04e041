import type { KeyObject } from 'node:crypto';
import { canonicalJson, type Json } from '@tidemark/shared/base/canonical-json.ts';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import { type Digest, isDigest } from '@tidemark/shared/base/digest.ts';
import type { InclusionProof } from '@tidemark/shared/merkle/proof.ts';
import type { Direction } from '@tidemark/shared/orders/job-state.ts';
import { signDispatch } from '@tidemark/shared/signing/dispatch.ts';
import { encodeEnvelope } from '@tidemark/shared/signing/dsse.ts';
import type { ToAgent } from '../link/messages.ts';
import { every, type Loop, type LoopLog } from './every.ts';

/** Short, so that a stolen dispatch is worth little; long enough for clocks that differ by a few minutes. */
const DISPATCH_LIFE_MS = 5 * 60_000;
/** Decisions wake the loop; this is for what another process has put there, and for hosts that connect. */
const DELIVER_MS = 1_000;
/** Taken from the outbox at once; what is left waits for the next round. */
const BATCH = 500;

interface Due {
  id: number;
  hostId: string;
}
export type DueMessage = Due &
  (
    | { kind: 'order-offer'; payload: { plan: string; hostId: string } }
    | { kind: 'dispatch'; payload: { orderDigest: string; frontier: number; direction: Direction; run: string } }
    | { kind: 'amendment'; payload: { digest: string } }
    | { kind: 'observe-facts'; payload: { request: string } }
    | { kind: 'observe-scan'; payload: { request: string; profile: Json; envelope: string | null } }
    | { kind: 'secret-key'; payload: { envelope: string } }
  );

export interface DeliveryStore {
  /** What waits for these hosts, oldest first. */
  due(hostIds: readonly string[], limit: number): Promise<DueMessage[]>;
  markSent(ids: readonly number[]): Promise<void>;
  /** Null where the run of the plan is over. */
  offer(plan: string, hostId: string): Promise<{ order: Buffer; proof: InclusionProof; approvals: Buffer[] } | null>;
  /**
   * Where the host may go to now, with a new sequence and the epoch of the run's lease. Null where the run is over or
   * nobody ever decided for it.
   */
  dispatch(of: {
    run: string;
    orderDigest: string;
    hostId: string;
  }): Promise<{ frontier: number; direction: Direction; epoch: number; sequence: number } | null>;
  /** As it was signed; null where the host has answered it. */
  amendment(digest: string): Promise<Buffer | null>;
  /** Deletes what was sent before then. */
  forgetSent(beforeMs: number): Promise<void>;
  /** Deletes enrolment tokens that expired before then, and says how many. */
  forgetTokens(expiredBeforeMs: number): Promise<number>;
}

/** The part of the link that is needed to send. */
export interface Outlet {
  send(hostId: string, message: ToAgent): boolean;
  connected(): string[];
}

export interface DeliveryDependencies {
  store: DeliveryStore;
  sessions: Outlet;
  /** The root of what is known of a host. */
  knownRoot(hostId: string): Promise<Digest | null>;
  dispatchKey: KeyObject;
  clock: Clock;
  log: LoopLog;
}

/**
 * Brings what the outbox holds to the hosts that are connected. What was sent is marked afterwards, so that a process
 * that dies in between sends again: every message may come twice, and agents know a repetition. Gives how many it sent.
 */
export async function deliver(dependencies: DeliveryDependencies): Promise<number> {
  const { store, sessions, log } = dependencies;
  const connected = sessions.connected();
  if (connected.length === 0) return 0;
  let sent = 0;
  for (;;) {
    const due = await store.due(connected, BATCH);
    const last = lastDispatches(due);
    const done: number[] = [];
    const away = new Set<string>();
    for (const message of due) {
      if (away.has(message.hostId)) continue;
      // Only where a host may go to now counts, and the last of several says that.
      if (message.kind === 'dispatch' && last.get(keyOf(message)) !== message.id) {
        done.push(message.id);
        continue;
      }
      const outgoing = await prepare(dependencies, message);
      if (outgoing === null) {
        log.info({ id: message.id, kind: message.kind, host: message.hostId }, 'not sent: it is of no use any more');
      } else if (sessions.send(message.hostId, outgoing)) {
        sent++;
      } else {
        away.add(message.hostId);
        continue;
      }
      done.push(message.id);
    }
    await store.markSent(done);
    if (due.length < BATCH || done.length === 0) return sent;
  }
}

const keyOf = (message: Extract<DueMessage, { kind: 'dispatch' }>): string =>
  `${message.hostId} ${message.payload.orderDigest}`;

function lastDispatches(due: readonly DueMessage[]): Map<string, number> {
  const last = new Map<string, number>();
  for (const message of due) if (message.kind === 'dispatch') last.set(keyOf(message), message.id);
  return last;
}

async function prepare(dependencies: DeliveryDependencies, message: DueMessage): Promise<ToAgent | null> {
  switch (message.kind) {
    case 'order-offer': {
      const offer = await dependencies.store.offer(message.payload.plan, message.hostId);
      return offer && { type: 'order-offer', ...offer };
    }
    case 'dispatch':
      return prepareDispatch(dependencies, message);
    case 'amendment': {
      const envelope = await dependencies.store.amendment(message.payload.digest);
      return envelope && { type: 'amendment', envelope };
    }
    case 'observe-facts':
      return {
        type: 'observe-facts',
        request: message.payload.request,
        known: await dependencies.knownRoot(message.hostId),
      };
    case 'observe-scan': {
      const { request, profile, envelope } = message.payload;
      const signed = Buffer.from(envelope ?? '', 'utf8');
      return { type: 'observe-scan', request, profile: Buffer.from(canonicalJson(profile), 'utf8'), envelope: signed };
    }
    case 'secret-key':
      return { type: 'secret-key', envelope: Buffer.from(message.payload.envelope, 'utf8') };
  }
}

async function prepareDispatch(
  { store, clock, dispatchKey }: DeliveryDependencies,
  { hostId, payload }: Extract<DueMessage, { kind: 'dispatch' }>,
): Promise<ToAgent | null> {
  const { orderDigest, run } = payload;
  if (!isDigest(orderDigest)) return null;
  const now = clock.now();
  const current = await store.dispatch({ run, orderDigest, hostId });
  if (current === null) return null;
  const { direction, epoch, sequence } = current;
  const frontier = direction === 'undo' ? 0 : current.frontier;
  const envelope = signDispatch(
    {
      format: 'tidemark/dispatch/v1',
      host: hostId,
      order: orderDigest,
      ...{ direction, frontier, epoch, sequence },
      issuedAt: now,
      expiresAt: now + DISPATCH_LIFE_MS,
    },
    dispatchKey,
  );
  return { type: 'dispatch', envelope: encodeEnvelope(envelope) };
}

/** Sends what has become due meanwhile, and soon after {@link Loop.wake}. */
export const deliverLoop = (dependencies: DeliveryDependencies, intervalMs = DELIVER_MS): Loop =>
  every(intervalMs, () => deliver(dependencies), { name: 'deliver', log: dependencies.log });
