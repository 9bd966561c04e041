/** What enrolment keeps. Implemented by controller/store/enrolment.ts and, for tests, in memory. */
export interface EnrolmentStore {
  /** All or nothing; a rejected promise undoes it. */
  transaction<T>(work: (transaction: EnrolmentTransaction) => Promise<T>): Promise<T>;
  /** A certificate that this fleet gave, with the host that it names. */
  certificate(serial: string): Promise<CertificateRecord | null>;
  hosts(): Promise<HostRecord[]>;
  /** Notes that the agent spoke; `connected` null leaves it as it is. */
  seen(seen: SeenHost): Promise<void>;
  /** No agent is connected: said at start, since the process before may have been killed. */
  forgetConnections(): Promise<void>;
}

export interface EnrolmentTransaction {
  addToken(token: TokenRecord): Promise<void>;
  /**
   * Uses a token by one conditional update: unused and not expired, or used by the same key within `retryMs`. Whoever
   * comes second sees what the first did.
   */
  useToken(use: { id: string; secretHash: Buffer; keyHash: Buffer; nowMs: number; retryMs: number }): Promise<TokenUse>;
  /** Locked until the end of the transaction. */
  hostNamed(name: string): Promise<HostRecord | null>;
  /** Locked until the end of the transaction. */
  host(hostId: string): Promise<HostRecord | null>;
  /** False where another transaction has just given the name to a host. */
  addHost(host: { hostId: string; name: string }): Promise<boolean>;
  /** `enrolled` begins anew: the agent's journal may be new too, so nothing counts as acknowledged. */
  setHostState(hostId: string, state: HostState): Promise<void>;
  addCertificate(certificate: { serial: string; hostId: string; keyHash: Buffer; notAfterMs: number }): Promise<void>;
  revokeCertificates(hostId: string, nowMs: number): Promise<void>;
  audit(entry: {
    actor: string;
    action: string;
    subject: string;
    detail: Record<string, string | number>;
  }): Promise<void>;
}

export type HostState = 'enrolled' | 'evicted' | 'banned';

export interface HostRecord {
  hostId: string;
  name: string;
  state: HostState;
  connected: boolean;
  agentVersion: string | null;
  bootId: string | null;
  lastSeenMs: number | null;
  /** Highest report sequence that is stored. */
  acknowledged: number;
}

export interface TokenRecord {
  id: string;
  secretHash: Buffer;
  hostName: string;
  expiresAtMs: number;
  by: string;
}

export type TokenUse =
  /** `again`: by the same key, after a lost reply. */
  { outcome: 'used'; hostName: string; again: boolean } | { outcome: 'unknown' | 'used-before' | 'expired' };

export interface CertificateRecord {
  serial: string;
  keyHash: Buffer;
  revoked: boolean;
  host: { hostId: string; name: string; state: HostState };
}

export interface SeenHost {
  hostId: string;
  atMs: number;
  connected: boolean;
  /** Of the hello; null where only the time changes. */
  hello: { agentVersion: string; bootId: string } | null;
}
