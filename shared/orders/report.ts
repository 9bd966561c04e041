import type { Digest } from '../base/digest.ts';
import type { AmendmentAction } from './amendment.ts';
import type { Direction, JobEventKind } from './job-state.ts';
import type { Refusal, RefusalCode } from './refusal.ts';

/** What an agent says of orders, in its own numbering: kept there until the controller has stored it. */
export interface Report {
  /** Grows by one with every report of this agent, for ever. */
  sequence: number;
  /** Milliseconds since the epoch, by the server's clock. */
  atMs: number;
  body: ReportBody;
}

/** `released` is the controller's own: no agent says it. */
export type AgentJobEvent = Exclude<JobEventKind, 'released'>;

export type ReportBody =
  | { type: 'order-accepted'; orderDigest: Digest }
  | { type: 'order-refused'; orderDigest: Digest; code: RefusalCode; message: string }
  | { type: 'dispatch-refused'; orderDigest: Digest | null; code: RefusalCode; message: string }
  | {
      type: 'job';
      orderDigest: Digest;
      /** Position in the order, from 0. */
      job: number;
      attempt: number;
      direction: Direction;
      kind: AgentJobEvent;
      /** One sentence: what was seen or what went wrong. */
      message: string;
      facts: Record<string, unknown> | null;
      output: OutputSummary | null;
    }
  /** What became of an amendment: taken, or why not. */
  | {
      type: 'amended';
      orderDigest: Digest;
      amendment: Digest;
      action: AmendmentAction;
      /** Position in the order; null where it is about the whole host. */
      job: number | null;
      refused: Refusal | null;
    }
  | { type: 'order-finished'; orderDigest: Digest; direction: Direction };

/** All that is kept of what a step wrote. */
export interface OutputSummary {
  /** Bytes in all. */
  size: number;
  /** SHA-256 of all of it. */
  digest: Uint8Array;
  head: Uint8Array;
  tail: Uint8Array;
}

/** How far an agent is with an order that is not finished. */
export interface OrderStanding {
  orderDigest: Digest;
  frontier: number;
  position: number;
  direction: Direction;
}
