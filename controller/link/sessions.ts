import { setTimeout as wait } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import { CallRefused } from './authorisation.ts';
import type { Log } from './log.ts';
import type { Caller, LinkHandlers, Sessions } from './ports.ts';
import { type ConnectCall, Session } from './session.ts';
import { toWire } from './wire.ts';

/** Often enough that silence is found soon after it is one. */
const SWEEP_MS = 2_000;

const STOP_WITHIN_MS = 10_000;

/**
 * How often agents should be heard: every 10 s while there are few, and no more than some 160 heartbeats a second in
 * all (1,600 agents and more), so that a large fleet that is idle costs the controller little.
 */
export const heartbeatFor = (agents: number): number => Math.max(10_000, Math.ceil(agents / 160) * 1000);

/** All live streams: one a host. */
export interface SessionTable extends Sessions {
  accept(call: ConnectCall, caller: Caller): void;
  /** Looks for silent agents and expired certificates; called by itself every two seconds. */
  sweep(): void;
  /** Ends all streams, so that agents look for another controller; resolves when all handlers have ended. */
  close(): Promise<void>;
}

export function createSessions(options: { handlers: LinkHandlers; clock: Clock; log: Log }): SessionTable {
  const { handlers, clock, log } = options;
  const live = new Map<string, Session>();
  /** Every stream, also those that have not said hello. */
  const open = new Set<Session>();
  /** The end of each host's last session, which the next one waits for. */
  const ending = new Map<string, Promise<void>>();
  let closing = false;

  const sweep = () => {
    for (const session of open) session.sweep();
  };
  const timer = setInterval(sweep, SWEEP_MS);
  timer.unref();

  async function takePlace(session: Session): Promise<void> {
    const { hostId, hostName } = session.caller;
    const previous = live.get(hostId);
    live.set(hostId, session);
    if (previous !== undefined && previous !== session) {
      log.warn({ host: hostName }, 'agent connected a second time');
      await previous.end(
        new CallRefused(status.ABORTED, 'another connection of this host took over: does its identity exist twice?'),
      );
    }
    await ending.get(hostId);
  }

  function ended(session: Session): void {
    open.delete(session);
    const { hostId } = session.caller;
    if (live.get(hostId) !== session) return;
    live.delete(hostId);
    const end = (ending.get(hostId) ?? Promise.resolve())
      .then(() => session.end(null))
      .then(() => handlers.gone(session.caller))
      .catch(error =>
        log.error({ host: session.caller.hostName, err: error }, 'the end of a stream could not be noted'),
      )
      .finally(() => {
        if (ending.get(hostId) === end) ending.delete(hostId);
      });
    ending.set(hostId, end);
  }

  return {
    accept: (call, caller) => {
      if (closing) {
        call.emit('error', new CallRefused(status.UNAVAILABLE, 'the controller is stopping'));
        return;
      }
      const heartbeatMs = heartbeatFor(live.size);
      open.add(new Session({ call, caller, handlers, clock, log, heartbeatMs, takePlace, ended }));
    },
    send: (hostId, message) => live.get(hostId)?.send(toWire(message)) ?? false,
    connected: () => [...live.keys()],
    disconnect: (hostId, reason = 'disconnected by the controller') => {
      for (const session of [...open]) {
        if (session.caller.hostId === hostId) void session.end(new CallRefused(status.UNAUTHENTICATED, reason));
      }
    },
    sweep,
    close: async () => {
      closing = true;
      clearInterval(timer);
      const ends = [...open].map(session =>
        session.end(new CallRefused(status.UNAVAILABLE, 'the controller is stopping')),
      );
      // A handler that hangs must not keep the controller from stopping: what it did is committed, or is not.
      await Promise.race([
        Promise.all(ends).then(() => Promise.all(ending.values())),
        wait(STOP_WITHIN_MS, null, { ref: false }),
      ]);
    },
  };
}
