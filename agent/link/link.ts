import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { credentials, logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { Result } from '@tidemark/shared/base/result.ts';
import { ArtifactClient } from '@tidemark/shared/protocol/gen/tidemark/v1/artifact.ts';
import { FingerprintClient } from '@tidemark/shared/protocol/gen/tidemark/v1/fingerprint.ts';
import { LinkClient } from '@tidemark/shared/protocol/gen/tidemark/v1/link.ts';
import type { FromExecutor, ToExecutor } from '../boundary/messages.ts';
import { backoffMs, renewalAt } from './backoff.ts';
import { Connection } from './connection.ts';
import { download } from './download.ts';
import { CHANNEL_OPTIONS, callError } from './grpc.ts';
import type { Identity } from './identity.ts';
import type { Log } from './log.ts';
import { renew, renewExpired } from './renewal.ts';
import { Work } from './work.ts';

/** A clock that jumps or a machine that sleeps must not delay a renewal by more than this. */
const LOOK_AT_CLOCK_MS = 30_000;
/** By an agent whose clock is half a day ahead every certificate looks as if it had to be renewed. */
const RENEW_AT_MOST_EVERY_MS = 600_000;
/** Answers that wait for a connection; the oldest go first. */
const MAX_HELD = 64;
/** A connection that ends sooner did not work, though there was a welcome: waits go on growing. */
const STABLE_MS = 10_000;
/** For a stream to end in good order when the agent stops. */
const GOODBYE_MS = 2_000;

export interface LinkOptions {
  identity: Identity;
  stateDir: string;
  agent: { version: string; bootId: string; hostName: string };
  /** Called one message after the other; must not block. */
  toExecutor: (message: ToExecutor) => void;
  /** Sends a scan's tree. `again`: the connection was in the way. */
  uploadScan: (request: {
    client: FingerprintClient;
    directory: string;
    scan: string;
  }) => Promise<Result<unknown, { again: boolean; message: string }>>;
  clock: Clock;
  /** In [0, 1). */
  random: () => number;
  log: Log;
  /** Resolves after so long, or at once where the signal aborts; tests bring their own time. */
  sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

export interface AgentLink {
  start(): void;
  /** Takes what the executor says. Reports are not kept: the executor says them again after `connected`. */
  deliver(message: FromExecutor): void;
  /** Resolves when nothing of the link is left. */
  stop(): Promise<void>;
  status(): LinkStatus;
}

export interface LinkStatus {
  connected: boolean;
  /** Why the last connection ended or did not come about; empty where there was none. */
  reason: string;
  certificateNotAfterMs: number;
}

type ScanReady = Extract<FromExecutor, { type: 'scan-ready' }>;
type Wanted = Extract<FromExecutor, { type: 'artifact-wanted' }>;

/** Keeps the agent connected to its controller, for ever, and carries messages, artifacts and scans. */
export function createLink(options: LinkOptions): AgentLink {
  const { clock, random, log, toExecutor } = options;
  // The library writes to stderr by itself; what matters comes as a status, and goes to the log.
  setLogVerbosity(logVerbosity.NONE);
  const sleep = options.sleep ?? quietWait;
  const stopping = new AbortController();
  const incoming = join(options.stateDir, 'artifacts', 'incoming');
  let identity = options.identity;
  let connection: Connection | null = null;
  let clients: Clients | null = null;
  let reason = '';
  let running: Promise<void> | null = null;
  let renewedAt = Number.NEGATIVE_INFINITY;
  let held: Extract<FromExecutor, { type: 'facts' | 'facts-offer' | 'scan-failed' | 'dry-run' }>[] = [];

  const downloads = new Work<Digest, Wanted>({
    sleep,
    pauseMs: failures => backoffMs(failures, random()),
    run: async (wanted, signal) => {
      if (clients === null) return 'later';
      const { digest, name, bytes } = wanted;
      const fetched = await download({ client: clients.artifact, digest, name, bytes, directory: incoming, signal });
      if (fetched.ok) toExecutor({ type: 'artifact-ready', digest, file: fetched.value });
      else if (fetched.error.again) {
        log.info({ digest, reason: fetched.error.message }, 'download interrupted');
        return 'later';
      } else toExecutor({ type: 'artifact-failed', digest, message: fetched.error.message });
      return 'done';
    },
  });
  const uploads = new Work<string, ScanReady>({
    sleep,
    pauseMs: failures => backoffMs(failures, random()),
    run: async ready => {
      if (clients === null || connection === null) return 'later';
      const over = connection;
      const { scan, directory, request } = ready;
      const uploaded = await options.uploadScan({ client: clients.fingerprint, directory, scan });
      if (!uploaded.ok) {
        log.warn({ scan, reason: uploaded.error.message }, 'scan not uploaded');
        if (uploaded.error.again) return 'later';
        // Its files stay: the executor speaks of the scan again after the next welcome.
        if (request !== '') hold({ type: 'scan-failed', request, message: uploaded.error.message });
        return 'done';
      }
      // Said on the connection that is up now, so that the scan is not forgotten when that one broke meanwhile.
      if (!over.isUp) return 'later';
      over.send(ready);
      toExecutor({ type: 'scan-uploaded', scan });
      return 'done';
    },
  });

  async function run(): Promise<void> {
    let failures = 0;
    while (!stopping.signal.aborted) {
      const outcome = await connectOnce();
      failures = outcome === 'failed' ? failures + 1 : 0;
      if (outcome !== 'renewed' && !stopping.signal.aborted)
        await sleep(backoffMs(failures, random()), stopping.signal);
    }
  }

  /** From dialling to the end of the connection. `ended`: it was up for a while. */
  async function connectOnce(): Promise<'failed' | 'ended' | 'renewed'> {
    if (clock.now() >= identity.notAfterMs && !(await renewAfterAbsence())) return 'failed';
    const own = openClients(identity);
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, stopping.signal]);
    const state = { upSince: Number.POSITIVE_INFINITY, renewed: false };
    const mine = new Connection({
      stream: own.link.connect(),
      agent: options.agent,
      toExecutor,
      welcomed: ({ heartbeatMs }) => {
        state.upSince = clock.monotonic();
        reason = '';
        log.info({ controller: identity.linkAddress }, 'connected');
        for (const message of held.splice(0)) mine.send(message);
        void beat(mine, heartbeatMs, signal);
        void renewInTime(own.link, signal).then(done => {
          state.renewed = done;
          if (done) mine.end();
        });
        downloads.start(signal);
        uploads.start(signal);
      },
    });
    connection = mine;
    clients = own;
    const stop = () => {
      mine.end();
      setTimeout(() => mine.cut(), GOODBYE_MS).unref();
    };
    stopping.signal.addEventListener('abort', stop, { once: true });
    if (stopping.signal.aborted) stop();
    const end = await mine.ended;
    stopping.signal.removeEventListener('abort', stop);
    over.abort();
    connection = null;
    clients = null;
    own.close();
    if (!state.renewed && !stopping.signal.aborted) {
      reason = end.details;
      log.warn({ controller: identity.linkAddress, code: end.code, reason }, 'not connected');
    }
    if (state.renewed) return 'renewed';
    return clock.monotonic() - state.upSince >= STABLE_MS ? 'ended' : 'failed';
  }

  async function renewAfterAbsence(): Promise<boolean> {
    const renewed = await renewExpired(identity).catch(error => ({ ok: false as const, error: callError(error) }));
    if (renewed.ok) {
      identity = renewed.value;
      log.info({ notAfter: identity.notAfterMs }, 'expired certificate renewed');
      return true;
    }
    reason = `the certificate has expired and was not renewed: ${renewed.error.details}`;
    log.error({ controller: identity.enrolmentAddress, reason: renewed.error.details }, 'certificate not renewed');
    return false;
  }

  /** Renews when it is time; true where it did, false where the connection ended before. */
  async function renewInTime(client: LinkClient, signal: AbortSignal): Promise<boolean> {
    const at = renewalAt(identity, random());
    for (let failures = 0; ; ) {
      for (let left = leftUntil(at); left > 0 && !signal.aborted; left = leftUntil(at))
        await sleep(Math.min(LOOK_AT_CLOCK_MS, left), signal);
      if (signal.aborted) return false;
      const renewed = await renew(identity, client).catch(error => ({ ok: false as const, error: callError(error) }));
      if (renewed.ok) {
        identity = renewed.value;
        renewedAt = clock.monotonic();
        log.info({ notAfter: identity.notAfterMs }, 'certificate renewed');
        return true;
      }
      log.warn({ reason: renewed.error.details }, 'certificate not renewed');
      await sleep(LOOK_AT_CLOCK_MS + backoffMs(failures++, random()), signal);
    }
  }

  const leftUntil = (at: number): number =>
    Math.max(at - clock.now(), renewedAt + RENEW_AT_MOST_EVERY_MS - clock.monotonic());

  async function beat(mine: Connection, heartbeatMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(heartbeatMs, signal);
      if (!signal.aborted) mine.heartbeat(clock.monotonic());
    }
  }

  function hold(message: (typeof held)[number]): void {
    if (connection?.isUp) {
      connection.send(message);
      return;
    }
    // Of what nobody asked for, only the newest counts.
    if (isUnasked(message)) held = held.filter(other => !isUnasked(other));
    held.push(message);
    if (held.length > MAX_HELD) held.shift();
  }

  return {
    start: () => {
      running ??= run();
    },
    deliver: message => {
      switch (message.type) {
        case 'artifact-wanted':
          downloads.add(message.digest, message);
          return;
        case 'scan-ready':
          uploads.add(message.scan, message);
          return;
        case 'facts':
        case 'facts-offer':
        case 'scan-failed':
        case 'dry-run':
          hold(message);
          return;
        case 'standings':
        case 'report':
        case 'output':
        // Wanted by a controller over this connection: over the next one it is offered anew.
        case 'sections':
          connection?.send(message);
      }
    },
    stop: async () => {
      stopping.abort();
      await running;
      // An upload that hangs must not keep the agent from stopping.
      await Promise.race([Promise.all([downloads.idle(), uploads.idle()]), wait(GOODBYE_MS, null, { ref: false })]);
    },
    status: () => ({
      connected: connection?.isUp ?? false,
      reason,
      certificateNotAfterMs: identity.notAfterMs,
    }),
  };
}

const isUnasked = (message: FromExecutor): boolean =>
  (message.type === 'facts' || message.type === 'facts-offer') && message.request === '';

interface Clients {
  link: LinkClient;
  artifact: ArtifactClient;
  fingerprint: FingerprintClient;
  close(): void;
}

/** All services over one connection, which shows this identity and trusts its root alone. */
function openClients(identity: Identity): Clients {
  const channel = credentials.createSsl(
    Buffer.from(identity.rootPem),
    Buffer.from(identity.keyPem),
    Buffer.from(identity.chainPem),
  );
  const link = new LinkClient(identity.linkAddress, channel, CHANNEL_OPTIONS);
  const shared = { ...CHANNEL_OPTIONS, channelOverride: link.getChannel() };
  return {
    link,
    artifact: new ArtifactClient(identity.linkAddress, channel, shared),
    fingerprint: new FingerprintClient(identity.linkAddress, channel, shared),
    close: () => link.close(),
  };
}

/** A timer that does not reject when it is no longer needed. */
const quietWait = (ms: number, signal: AbortSignal): Promise<void> =>
  wait(ms, undefined, { signal }).catch(() => undefined);
