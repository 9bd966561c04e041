import type { AmendmentAction } from '@tidemark/shared/orders/amendment.ts';
import type { Direction, JobEventKind, JobState } from '@tidemark/shared/orders/job-state.ts';
import type { PlanDocument } from '@tidemark/shared/orders/plan.ts';
import type { OutputSummary } from '@tidemark/shared/orders/report.ts';
import type { Envelope } from '@tidemark/shared/signing/dsse.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import type { LearnedStep } from './learning.ts';
import type { RunState, WaveTimes } from './snapshot.ts';

/*
 * What the orchestrator needs of the world. Times are milliseconds since the epoch; hosts go by id.
 */

/** What is stored of a run as a whole. */
export interface StoredRunHead {
  id: string;
  plan: string;
  state: RunState;
  reason: string;
  startedBy: string;
  startedAt: number;
  endedAt: number | null;
  waves: ReadonlyMap<string, WaveTimes>;
  incidents: ReadonlyMap<string, 'open' | 'resolved'>;
}

/** A run as it is stored. */
export interface StoredRun extends StoredRunHead {
  /** By host id. */
  hosts: ReadonlyMap<string, StoredHost>;
}

export type RunSummaryRow = Omit<StoredRunHead, 'waves' | 'incidents'> & { planName: string };

/** What is known of a host's agent beside the run. It changes with every heartbeat. */
export interface Presence {
  connected: boolean;
  lastSeenAt: number | null;
  /** Null where it has never told any facts. */
  factsObservedAt: number | null;
}

export interface StoredHost {
  hostId: string;
  hostName: string;
  orderDigest: string;
  frontier: number;
  direction: Direction;
  offeredAt: number | null;
  acceptedAt: number | null;
  refusal: string | null;
  heldBecause: string | null;
  startedAt: number | null;
  turnedAt: number | null;
  endedAt: number | null;
  connected: boolean;
  lastSeenAt: number | null;
  facts: { facts: Readonly<Record<string, unknown>>; observedAt: number } | null;
  factsAsked: { first: number; last: number } | null;
  jobs: readonly StoredJob[];
}

export interface StoredJob {
  position: number;
  direction: Direction;
  job: string;
  state: JobState;
  attempt: number;
  /** Attempts that were used up before a person granted more. */
  spent: number;
  message: string;
  startedAt: number | null;
  endedAt: number | null;
}

export type RunEventName =
  | 'run-started'
  | 'wave-opened'
  | 'wave-ended'
  | 'host-held'
  | 'incident-opened'
  | 'amendment-signed'
  | 'amendment-taken'
  | 'amendment-refused'
  | 'run-stopping'
  | 'run-paused'
  | 'run-resumed'
  | 'run-succeeded'
  | 'run-failed'
  | 'run-stopped';

export interface NewRunEvent {
  at: number;
  host: string | null;
  job: string | null;
  step: string | null;
  event: JobEventKind | RunEventName;
  attempt: number | null;
  direction: Direction | null;
  message: string;
}

export type HostChange = Partial<
  Pick<
    StoredHost,
    | 'frontier'
    | 'direction'
    | 'offeredAt'
    | 'acceptedAt'
    | 'refusal'
    | 'heldBecause'
    | 'startedAt'
    | 'turnedAt'
    | 'endedAt'
  >
>;

export type Outgoing =
  | { kind: 'amendment'; payload: { digest: string } }
  | { kind: 'order-offer'; payload: { plan: string; hostId: string } }
  | { kind: 'dispatch'; payload: { orderDigest: string; frontier: number; direction: Direction; run: string } };

export interface AuditEntry {
  actor: string;
  action: string;
  subject: string;
  detail: Record<string, unknown>;
}

export interface LimitClaim {
  /** Of the limit: `cluster/paydb`, `attribute/site/fra1`. */
  key: string;
  hostId: string;
  hostName: string;
}

/** A host that another run has out of service. */
export interface ElsewhereOut {
  key: string;
  hostId: string;
  host: string;
  run: string;
}

/** Limits that hold over all runs: who is out by them. */
export interface LimitClaims {
  /** What other runs claim; until the end of the transaction nobody else looks or claims. */
  elsewhere(run: string, keys: readonly string[]): Promise<ElsewhereOut[]>;
  /** Makes this all that the run claims, under the epoch of its lease. What nobody renews for `ttlMs` counts no more. */
  hold(run: string, epoch: number, claims: readonly LimitClaim[], ttlMs: number): Promise<void>;
}

/** One transaction. State, what is to be sent and the audit stand or fall together. */
export interface RunTransaction {
  /** Left out where there is only one run at a time: limits with a key then hold within it. */
  claims?: LimitClaims;
  /** One plan at a time is turned into a run, so that two cannot take the same host. */
  lockStarting(): Promise<void>;
  runOfPlan(plan: string): Promise<string | null>;
  /** Which of these hosts are in a run that has not ended. */
  busyHosts(hostIds: readonly string[]): Promise<{ host: string; run: string }[]>;
  /** Which of these hosts are enrolled. */
  enrolledHosts(hostIds: readonly string[]): Promise<ReadonlySet<string>>;
  createRun(run: {
    plan: string;
    startedBy: string;
    startedAt: number;
    waves: readonly string[];
    hosts: readonly { hostId: string; hostName: string; orderDigest: string; jobs: readonly string[] }[];
  }): Promise<string>;

  /** Locks the run against everybody else who changes it or reports for it. Null where there is none. */
  lockRun(run: string): Promise<StoredRunHead | null>;
  /**
   * Hosts of a locked run that changed after `since`, themselves or a job of theirs; 0 for all of them. The next call
   * goes on from `upTo`, and between the two nothing is missed.
   */
  changedHosts(run: string, since: number): Promise<{ hosts: StoredHost[]; upTo: number }>;
  /** By host id, of all hosts of the run. Where nothing has changed it may be the same map again, and only there. */
  presence(run: string): Promise<ReadonlyMap<string, Presence>>;
  factsOf(hostIds: readonly string[]): Promise<ReadonlyMap<string, NonNullable<StoredHost['facts']>>>;
  /** The lease still is this holder's, under this epoch, and stays so until the end of the transaction. */
  holdsLease(name: string, holder: string, epoch: number): Promise<boolean>;
  setRun(run: string, change: { state: RunState; reason: string; endedAt: number | null }): Promise<void>;
  setWave(run: string, wave: string, change: Partial<WaveTimes>): Promise<void>;
  setHost(run: string, hostId: string, change: HostChange): Promise<void>;
  /** Moves jobs that run forwards from one of the states to another; gives the positions that it moved. */
  moveJobs(
    run: string,
    hostId: string,
    move: { from: readonly JobState[]; to: JobState; below: number | null; message: string; endedAt: number | null },
  ): Promise<number[]>;
  putJob(
    run: string,
    hostId: string,
    job: StoredJob & { facts?: Record<string, unknown> | null; output?: OutputSummary | null },
  ): Promise<void>;
  addEvents(run: string, events: readonly NewRunEvent[]): Promise<void>;
  openIncident(incident: {
    key: string;
    run: string;
    hostId: string | null;
    title: string;
    detail: string;
    at: number;
    /** The job that it is about, and what makes another one the same error on another host. */
    position?: number;
    direction?: Direction;
    cause?: string;
    /** Whether there was none under this key. */
  }): Promise<boolean>;
  resolveIncident(key: string, at: number): Promise<void>;
  /** Resolves all that are open and whose key begins so. */
  resolveIncidents(prefix: string, at: number): Promise<void>;
  /** Lets hosts go on that are held for exactly this reason; gives their ids. */
  releaseHeld(run: string, because: string): Promise<string[]>;
  /** False where it is there already. */
  addAmendment(amendment: {
    digest: string;
    run: string;
    hostId: string;
    action: AmendmentAction;
    job: string | null;
    reason: string;
    approver: string;
    envelope: string;
    at: number;
  }): Promise<boolean>;
  /** Keeps what the host made of it, once; gives who decided it and why. `unknown`: it is in no memory here. */
  answerAmendment(
    digest: string,
    answer: { state: 'accepted' | 'refused'; message: string; at: number },
  ): Promise<{ approver: string; reason: string } | 'answered' | 'unknown'>;
  /** Digests of those that the host has not answered. */
  unansweredAmendments(run: string, hostId: string): Promise<string[]>;
  send(hostId: string, message: Outgoing): Promise<void>;
  /** Asks for facts and remembers in the run that it was asked, and since when. */
  askForFacts(run: string, hostId: string, asked: { since: number; at: number }): Promise<void>;
  /** Puts the orders of these hosts into the outbox, and keeps when. */
  offerOrders(run: string, plan: string, hostIds: readonly string[], at: number): Promise<void>;
  audit(entry: AuditEntry): Promise<void>;

  /** Locks what is known of this host's reports; the highest sequence that is stored. Null where it is not known. */
  lockReports(hostId: string): Promise<number | null>;
  setReported(hostId: string, sequence: number): Promise<void>;
  /** The run and host that an order belongs to, shared-locked against decisions; null where it is not this host's. */
  orderOf(hostId: string, orderDigest: string): Promise<{ run: string; plan: string; active: boolean } | null>;
  /** One host of a run, with its jobs. */
  hostOf(run: string, hostId: string): Promise<StoredHost | null>;
  /** Orders of runs that have not ended. */
  activeOrders(hostId: string): Promise<{ run: string; plan: string; orderDigest: string }[]>;
  answerFacts(hostId: string, request: string, at: number): Promise<void>;
  /** Keeps how long a step took, for plans to come; of each kind on each host only so many, the newest. */
  learn(step: LearnedStep): Promise<void>;
}

export interface RunReads {
  activeRuns(): Promise<string[]>;
  runs(): Promise<RunSummaryRow[]>;
  /** Without facts. */
  run(run: string): Promise<StoredRun | null>;
  factsOf(hostIds: readonly string[]): Promise<ReadonlyMap<string, NonNullable<StoredHost['facts']>>>;
  events(run: string, afterId: number, limit: number): Promise<(NewRunEvent & { id: number; run: string })[]>;
  job(
    run: string,
    hostName: string,
    position: number,
    direction: Direction,
  ): Promise<(StoredJob & { output: OutputSummary | null }) | null>;
  /** What the attempt has written so far, as far as that was kept. */
  liveOutput?(of: {
    run: string;
    hostName: string;
    position: number;
    attempt: number;
  }): Promise<{ size: number; head: Uint8Array; tail: Uint8Array } | null>;
  reported(hostId: string): Promise<number>;
}

export interface OrchestratorStore {
  transaction<T>(work: (transaction: RunTransaction) => Promise<T>): Promise<T>;
  read: RunReads;
}

export interface Plans {
  /** Exactly the texts that were hashed, or null. */
  document(plan: string): Promise<PlanDocument | null>;
}

export interface Approvals {
  /** Those handed in for a gate: `plan` where none is named, or `wave/NAME`. */
  of(plan: string, gate?: string): Promise<Envelope[]>;
  trustRoot(): Promise<TrustRoot | null>;
}

export interface Leases {
  /** The epoch under which this holder has it now, or null where somebody else has. */
  take(name: string, holder: string, ttlMs: number): Promise<number | null>;
}

/** Whether a plan's condition (is it the active one, is it well) holds by a host's facts; null where they do not tell. */
export type IsTrue = (condition: string, facts: Readonly<Record<string, unknown>>) => boolean | null;
