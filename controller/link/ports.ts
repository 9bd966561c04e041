import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { Result } from '@tidemark/shared/base/result.ts';
import type { OrderStanding, Report } from '@tidemark/shared/orders/report.ts';
import type { UploadMessage, UploadReply } from '@tidemark/shared/protocol/gen/tidemark/v1/fingerprint.ts';
import type {
  AgentDryRun,
  AgentFacts,
  AgentHello,
  AgentOffer,
  AgentOutput,
  AgentScan,
  ToAgent,
  ToldSection,
} from './messages.ts';

/** A host, as its certificate says. Nothing that the host writes into a message can change it. */
export interface Caller {
  hostId: string;
  hostName: string;
  /** The certificate's serial, for logs. */
  serial: string;
  /** When the certificate ends, and with it every stream that was opened with it. */
  notAfterMs: number;
}

/**
 * What the controller does with what an agent says. The link calls these one after the other for one host, and
 * acknowledges when the promise resolves, which therefore must not be before the commit. A promise that rejects ends
 * that host's stream: the agent comes back and says again what was not acknowledged.
 */
export interface LinkHandlers {
  /** A host has connected. Gives the highest report sequence that is stored for it, and the root of what is known of it. */
  hello(caller: Caller, hello: AgentHello): Promise<{ acknowledged: number; inventory: Digest | null }>;
  /** All of its orders that are not finished, after every hello. */
  standings(caller: Caller, standings: OrderStanding[]): Promise<void>;
  /**
   * Reports in the order of their sequence, at most some dozens at once; one that was stored before may come again.
   * Gives the highest sequence that is stored now.
   */
  reports(caller: Caller, reports: Report[]): Promise<number>;
  facts(caller: Caller, facts: AgentFacts): Promise<void>;
  /** Gives what of it is wanted: nothing where all of it is known, and then it is stored. */
  factsOffer(caller: Caller, offer: AgentOffer): Promise<Digest[]>;
  /** What was wanted, or a part of it; gives what is wanted beyond that. */
  sections(caller: Caller, sections: ToldSection[]): Promise<Digest[]>;
  /** The scan's tree is committed. */
  scanReady(caller: Caller, scan: AgentScan): Promise<void>;
  scanFailed(caller: Caller, failure: { request: string; message: string }): Promise<void>;
  dryRun(caller: Caller, answer: AgentDryRun): Promise<void>;
  output(caller: Caller, output: AgentOutput): Promise<void>;
  /** At each heartbeat. */
  alive(caller: Caller): Promise<void>;
  /** The stream ended and no newer one has taken its place. */
  gone(caller: Caller): Promise<void>;
}

/** Who is calling, from the certificate (DER) of the connection; the error is for the log and the caller. */
export type Identify = (certificate: Buffer) => Promise<Result<Caller, string>>;

/** What the link needs of enrolment. Messages in errors go to the agent as they are. */
export interface IdentityPort {
  identify: Identify;
  enrol(request: {
    token: string;
    csr: Buffer;
    /** Address of the caller, for the audit. */
    peer: string;
  }): Promise<Result<EnrolledAgent, IdentityRefusal>>;
  renew(request: { hostId: string; csr: Buffer }): Promise<Result<{ chain: Buffer[] }, IdentityRefusal>>;
  renewExpired(request: { certificate: Buffer; csr: Buffer }): Promise<Result<{ chain: Buffer[] }, IdentityRefusal>>;
}

export interface EnrolledAgent {
  hostId: string;
  /** DER, leaf first. */
  chain: Buffer[];
  root: Buffer;
  fleet: string;
  linkAddress: string;
  dispatchKey: Buffer;
}

export interface IdentityRefusal {
  code: string;
  message: string;
}

/** Where an artifact's bytes lie, or null where there is none that this host may have. */
export type FindArtifact = (digest: Digest, caller: Caller) => Promise<{ file: string; bytes: number } | null>;

/** Serves one Fingerprint.Upload of a host that has been authorised. It ends the call itself. */
export type FingerprintHandler = (call: ServerDuplexStream<UploadMessage, UploadReply>, caller: Caller) => void;

/** Sending to the hosts that are connected now. */
export interface Sessions {
  /** False where the host is not connected; true says that it was handed to the connection, not that it arrived. */
  send(hostId: string, message: ToAgent): boolean;
  connected(): string[];
  /** Cuts what the host has open, at once: used when it is evicted or banned. */
  disconnect(hostId: string, reason?: string): void;
}
