import type { Direction, JobState } from '@tidemark/shared/orders/job-state.ts';
import type { PlanIndex } from './plan-index.ts';

/*
 * What the decider sees and what it may ask for. Both are plain data; times are milliseconds since the epoch.
 */

/** `stopping`: nobody begins any more; `undoing`: nor does what has begun stay, it is taken back. */
export type ActiveRunState = 'running' | 'paused' | 'stopping' | 'undoing';
export type EndedRunState = 'succeeded' | 'failed' | 'stopped';
/** It ends with what has begun. */
export const isStopping = (state: RunState): boolean => state === 'stopping' || state === 'undoing';

export type RunState = ActiveRunState | EndedRunState;

export interface JobSnapshot {
  state: JobState;
  /** 0 before the first. */
  attempt: number;
  /** Of these, those that were used up before a person granted more. */
  spent: number;
  message: string;
  startedAt: number | null;
  endedAt: number | null;
}

export type ClusterRole = 'active' | 'standby';

export interface HostSnapshot {
  frontier: number;
  direction: Direction;
  offeredAt: number | null;
  acceptedAt: number | null;
  /** Why the agent did not take the order. */
  refusal: string | null;
  /** Why nothing is released; a person has to decide. */
  held: string | null;
  connected: boolean;
  lastSeenAt: number | null;
  startedAt: number | null;
  /** Since when it runs backwards. */
  turnedAt: number | null;
  /** The agent said that it is through with the order, in `direction`. */
  endedAt: number | null;
  /** Only of cluster members. `is` is null where the probe does not tell. */
  role: { is: ClusterRole | null; observedAt: number } | null;
  /** Only of members of clusters that say when one is well. `is` is null where the probe does not tell. */
  healthy: { is: boolean | null; observedAt: number } | null;
  /** When facts were first and last asked for: what it told before the first is no answer. */
  factsAsked: { first: number; last: number } | null;
  /** By position. */
  jobs: readonly JobSnapshot[];
  /** By position; only of jobs whose undo has been reported. */
  undo: ReadonlyMap<number, JobSnapshot>;
}

export interface WaveTimes {
  openedAt: number | null;
  endedAt: number | null;
}

/** What a gate has shown so far. */
export interface GateState {
  state: 'passed' | 'failed' | 'unknown';
  /** What was seen, or who said so. */
  detail: string;
  /** When it was first asked. */
  since: number;
  checkedAt: number;
}

export interface RunSnapshot {
  run: { id: string; state: ActiveRunState; startedAt: number };
  plan: PlanIndex;
  /** By number of the host, as in the plan. */
  hosts: readonly HostSnapshot[];
  /** By number of the wave. */
  waves: readonly WaveTimes[];
  /** By number of the limit: who is out of service by it in other runs. */
  elsewhere?: readonly (readonly string[])[];
  /** How the gates of waves stand, see gateKey; those that nobody has asked are missing. */
  gates?: ReadonlyMap<string, GateState>;
  /** All that were ever opened in this run, by key. */
  incidents: ReadonlyMap<string, 'open' | 'resolved'>;
  /** Why the approvals of the plan cover no further start; null or left out where they do. */
  uncovered?: string | null;
  deadlines: Deadlines;
}

export interface Deadlines {
  /** After so long without a word a host that should speak counts as failed. */
  silenceMs: number;
  /** A cluster's role is known from facts that are at most so old. */
  factsMaxAgeMs: number;
  /** Facts are asked for again after so long without an answer. */
  factsRetryMs: number;
  /** Before this nobody listened, so that no host is silent since then: the controller was down, or cut off. */
  listeningSince: number;
}

export const DEFAULT_DEADLINES: Deadlines = {
  // Three heartbeats of 30 s: one may get lost, two are an accident, three are silence.
  silenceMs: 90_000,
  // A failover that nobody announced must not be older than this when its cluster is touched.
  factsMaxAgeMs: 300_000,
  factsRetryMs: 15_000,
  listeningSince: 0,
};

/** What is to be done. Hosts and waves go by their number in the plan. */
export type Action =
  | { action: 'openWave'; wave: number }
  | { action: 'endWave'; wave: number }
  | { action: 'offerOrder'; host: number }
  /** Jobs below `upTo` may run. */
  | { action: 'release'; host: number; upTo: number }
  | { action: 'undo'; host: number; reason: string }
  | { action: 'hold'; host: number; reason: string }
  /** What it was held for is over. */
  | { action: 'letGo'; host: number }
  /** `since`: when this question was asked first. */
  | { action: 'observeFacts'; host: number; since: number }
  | {
      action: 'openIncident';
      key: string;
      host: number | null;
      title: string;
      detail: string;
      /** The job that it is about. */
      position?: number;
      direction?: Direction;
      /** Incidents of the run with the same cause are one error on several hosts. */
      cause?: string;
    }
  /** The cause is gone by itself. */
  | { action: 'resolveIncident'; key: string; reason: string }
  /** Its jobs that were never begun will not be. */
  | { action: 'cancel'; host: number; as: 'cancelled' | 'missed'; reason: string }
  | { action: 'pauseRun'; reason: string }
  | { action: 'stopRun'; reason: string }
  | { action: 'endRun'; state: EndedRunState; reason: string };
