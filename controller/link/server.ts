import {
  logVerbosity,
  Server,
  ServerCredentials,
  type ServerOptions,
  type ServerUnaryCall,
  type sendUnaryData,
  setLogVerbosity,
  status,
} from '@grpc/grpc-js';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import { type ArtifactServer, ArtifactService } from '@tidemark/shared/protocol/gen/tidemark/v1/artifact.ts';
import {
  type EnrolmentServer,
  EnrolmentService,
  type EnrolReply,
  type EnrolRequest,
  type RenewExpiredReply,
  type RenewExpiredRequest,
} from '@tidemark/shared/protocol/gen/tidemark/v1/enrolment.ts';
import { type FingerprintServer, FingerprintService } from '@tidemark/shared/protocol/gen/tidemark/v1/fingerprint.ts';
import {
  type LinkServer as LinkRpcs,
  LinkService,
  type RenewReply,
  type RenewRequest,
} from '@tidemark/shared/protocol/gen/tidemark/v1/link.ts';
import {
  KEEPALIVE_TIME_MS,
  KEEPALIVE_TIMEOUT_MS,
  MAX_AGENT_MESSAGE_BYTES,
  MAX_ENROLMENT_MESSAGE_BYTES,
} from '@tidemark/shared/protocol/limits.ts';
import { serveDownload } from './artifact.ts';
import { authoriseAgent, authoriseAnyone, type CallerContext, CallRefused } from './authorisation.ts';
import type { Log } from './log.ts';
import type { Caller, FindArtifact, FingerprintHandler, IdentityPort, LinkHandlers, Sessions } from './ports.ts';
import { createSessions } from './sessions.ts';

/** Enrolment may be called by anybody, so only so many at a time wait for the database (10 ms each). */
const MAX_ENROLMENTS_AT_ONCE = 256;
/** Link, upload and a few downloads; more streams of one agent have no reason. */
const MAX_STREAMS_PER_CONNECTION = 16;

export interface LinkServerOptions {
  identity: IdentityPort;
  handlers: LinkHandlers;
  findArtifact: FindArtifact;
  fingerprintHandler: FingerprintHandler;
  credentials: {
    /** Of a certificate that holds the controller's server name (shared/protocol/limits.ts). */
    keyPem: string;
    chainPem: string;
    /** The fleet's root: client certificates must lead to it. */
    rootPem: string;
  };
  /** `port` 0 takes any that is free. */
  link: { host: string; port: number };
  enrolment: { host: string; port: number };
  clock: Clock;
  log: Log;
}

export interface LinkServer {
  /** Rejects with a message for people where a port cannot be had. */
  start(): Promise<{ linkPort: number; enrolmentPort: number }>;
  stop(): Promise<void>;
  sessions: Sessions;
}

/** The agents' side of the controller: the link port for enrolled agents, the enrolment port for new ones. */
export function createLinkServer(options: LinkServerOptions): LinkServer {
  const { handlers, clock, log, credentials } = options;
  // It writes to stderr by itself; what matters comes as an error or a status, and goes to the log.
  setLogVerbosity(logVerbosity.NONE);
  const sessions = createSessions({ handlers, clock, log });
  const calls = new LiveCalls();
  const link = new Server({ ...LIMITS, 'grpc.max_receive_message_length': MAX_AGENT_MESSAGE_BYTES });
  const enrolment = new Server({ ...LIMITS, 'grpc.max_receive_message_length': MAX_ENROLMENT_MESSAGE_BYTES });

  const agent = (path: string, call: CallerContext) => authoriseAgent(path, call, options.identity.identify);

  link.addService(LinkService, {
    connect: call => {
      agent(LinkService.connect.path, call).then(
        caller => sessions.accept(call, caller),
        error => fail(call, error, log),
      );
    },
    renew: (call, done) =>
      void answer<RenewRequest, RenewReply>(call, done, log, async () => {
        const { hostId } = await agent(LinkService.renew.path, call);
        const renewed = await options.identity.renew({ hostId, csr: call.request.certificateRequest });
        if (!renewed.ok) throw refusal(renewed.error);
        return { certificateChain: renewed.value.chain };
      }),
  } satisfies LinkRpcs);
  link.addService(ArtifactService, {
    download: call => {
      agent(ArtifactService.download.path, call)
        .then(caller => {
          calls.add(caller, call);
          return serveDownload(call, caller, options.findArtifact);
        })
        .catch(error => fail(call, error, log));
    },
  } satisfies ArtifactServer);
  link.addService(FingerprintService, {
    upload: call => {
      agent(FingerprintService.upload.path, call)
        .then(caller => {
          calls.add(caller, call);
          options.fingerprintHandler(call, caller);
        })
        .catch(error => fail(call, error, log));
    },
  } satisfies FingerprintServer);

  let enrolling = 0;
  const anyone = async <T>(path: string, work: () => Promise<T>): Promise<T> => {
    authoriseAnyone(path);
    if (enrolling >= MAX_ENROLMENTS_AT_ONCE)
      throw new CallRefused(status.RESOURCE_EXHAUSTED, 'many servers enrol at this moment: try again');
    enrolling++;
    try {
      return await work();
    } finally {
      enrolling--;
    }
  };
  enrolment.addService(EnrolmentService, {
    enrol: (call, done) =>
      void answer<EnrolRequest, EnrolReply>(call, done, log, () =>
        anyone(EnrolmentService.enrol.path, async () => {
          const { token, certificateRequest } = call.request;
          const enrolled = await options.identity.enrol({ token, csr: certificateRequest, peer: call.getPeer() });
          if (!enrolled.ok) throw refusal(enrolled.error);
          const { hostId, chain, root, fleet, linkAddress, dispatchKey } = enrolled.value;
          return { hostId, certificateChain: chain, rootCertificate: root, fleet, linkAddress, dispatchKey };
        }),
      ),
    renewExpired: (call, done) =>
      void answer<RenewExpiredRequest, RenewExpiredReply>(call, done, log, () =>
        anyone(EnrolmentService.renewExpired.path, async () => {
          const { certificate, certificateRequest } = call.request;
          const renewed = await options.identity.renewExpired({ certificate, csr: certificateRequest });
          if (!renewed.ok) throw refusal(renewed.error);
          return { certificateChain: renewed.value.chain };
        }),
      ),
  } satisfies EnrolmentServer);

  return {
    start: async () => {
      const pair = { private_key: Buffer.from(credentials.keyPem), cert_chain: Buffer.from(credentials.chainPem) };
      const root = Buffer.from(credentials.rootPem);
      const linkPort = await bind(
        link,
        options.link,
        ServerCredentials.createSsl(root, [pair], true),
        'the agent link',
      );
      const enrolmentPort = await bind(
        enrolment,
        options.enrolment,
        ServerCredentials.createSsl(null, [pair], false),
        'enrolment',
      );
      return { linkPort, enrolmentPort };
    },
    stop: async () => {
      await sessions.close();
      link.forceShutdown();
      enrolment.forceShutdown();
    },
    sessions: {
      send: sessions.send,
      connected: sessions.connected,
      disconnect: (hostId, reason) => {
        sessions.disconnect(hostId, reason);
        calls.cut(hostId);
      },
    },
  };
}

const LIMITS: ServerOptions = {
  'grpc.keepalive_time_ms': KEEPALIVE_TIME_MS,
  'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
  'grpc.max_concurrent_streams': MAX_STREAMS_PER_CONNECTION,
};

/** A gRPC call, as far as ending it goes. */
interface Endable {
  emit(event: 'error', error: CallRefused): boolean;
  on(event: string, listener: () => void): unknown;
}

/** Downloads and uploads that are under way, so that they end with the identity that began them. */
class LiveCalls {
  readonly #byHost = new Map<string, Set<Endable>>();

  add(caller: Caller, call: Endable): void {
    const calls = this.#byHost.get(caller.hostId) ?? new Set();
    this.#byHost.set(caller.hostId, calls);
    calls.add(call);
    const forget = () => {
      calls.delete(call);
      if (calls.size === 0 && this.#byHost.get(caller.hostId) === calls) this.#byHost.delete(caller.hostId);
    };
    for (const event of ['cancelled', 'close', 'finish', 'error']) call.on(event, forget);
  }

  cut(hostId: string): void {
    for (const call of [...(this.#byHost.get(hostId) ?? [])])
      call.emit('error', new CallRefused(status.UNAUTHENTICATED, 'this host is no longer part of the fleet'));
  }
}

function fail(call: Endable, error: unknown, log: Log): void {
  call.emit('error', asRefusal(error, log));
}

async function answer<Q, R>(
  call: ServerUnaryCall<Q, R>,
  done: sendUnaryData<R>,
  log: Log,
  work: () => Promise<R>,
): Promise<void> {
  let reply: R;
  try {
    reply = await work();
  } catch (error) {
    const refused = asRefusal(error, log);
    log.warn({ path: call.getPath(), peer: call.getPeer(), reason: refused.details }, 'call refused');
    done(refused);
    return;
  }
  done(null, reply);
}

function asRefusal(error: unknown, log: Log): CallRefused {
  if (error instanceof CallRefused) return error;
  log.error({ err: error }, 'a call failed');
  return new CallRefused(status.INTERNAL, 'the controller could not do this; its log says why');
}

const refusal = (error: { code: string; message: string }) =>
  new CallRefused(
    error.code === 'request-invalid' ? status.INVALID_ARGUMENT : status.PERMISSION_DENIED,
    `${error.message} [${error.code}]`,
  );

function bind(
  server: Server,
  address: { host: string; port: number },
  credentials: ServerCredentials,
  what: string,
): Promise<number> {
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return new Promise((resolve, reject) => {
    server.bindAsync(`${host}:${address.port}`, credentials, (error, port) => {
      if (error === null) resolve(port);
      else {
        reject(
          new Error(
            `cannot listen on ${host}:${address.port} for ${what}: ${error.message}. Set another address in the settings`,
          ),
        );
      }
    });
  });
}
