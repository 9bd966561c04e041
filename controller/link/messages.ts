import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { InclusionProof } from '@tidemark/shared/merkle/proof.ts';
import type { Direction } from '@tidemark/shared/orders/job-state.ts';
import type { RefusalCode } from '@tidemark/shared/orders/refusal.ts';
import type { AgentJobEvent } from '@tidemark/shared/protocol/codec.ts';

/* What the controller and an agent say to each other, in the controller's words. The wire's own are in wire.ts. */

/** What can be sent to a host that is connected. */
export type ToAgent =
  | { type: 'order-offer'; order: Uint8Array; proof: InclusionProof; approvals: readonly Uint8Array[] }
  | { type: 'dispatch'; envelope: Uint8Array }
  | { type: 'observe-facts'; request: string }
  | { type: 'observe-scan'; request: string; profile: Uint8Array };

export interface AgentHello {
  protocolMin: number;
  protocolMax: number;
  agentVersion: string;
  bootId: string;
  /** What the server calls itself: shown to people, never an identity. */
  hostName: string;
}

/** How far the agent is with an order that is not finished. */
export interface OrderStanding {
  orderDigest: Digest;
  frontier: number;
  position: number;
  direction: Direction;
}

/** Kept by the agent until acknowledged; `sequence` grows by one for the agent's whole life. */
export interface AgentReport {
  sequence: number;
  atMs: number;
  body: AgentReportBody;
}

export type AgentReportBody =
  | { type: 'order-accepted'; orderDigest: Digest }
  | { type: 'order-refused'; orderDigest: Digest; code: RefusalCode; message: string }
  | { type: 'dispatch-refused'; orderDigest: Digest | null; code: RefusalCode; message: string }
  | {
      type: 'job';
      orderDigest: Digest;
      job: number;
      attempt: number;
      direction: Direction;
      kind: AgentJobEvent;
      message: string;
      facts: Record<string, unknown> | null;
      output: { size: number; digest: Uint8Array; head: Uint8Array; tail: Uint8Array } | null;
    }
  | { type: 'order-finished'; orderDigest: Digest; direction: Direction };

/** A part of the live output of the job that runs. */
export interface AgentOutput {
  orderDigest: Digest;
  job: number;
  attempt: number;
  offset: number;
  data: Uint8Array;
}

export interface AgentFacts {
  /** The request that it answers, empty where the agent sends them by itself. */
  request: string;
  atMs: number;
  facts: Record<string, unknown>;
}

export interface AgentScan {
  scan: string;
  /** Empty where a job of an order made the scan. */
  request: string;
  orderDigest: Digest | null;
}
