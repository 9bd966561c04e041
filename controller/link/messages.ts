import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { SectionRef } from '@tidemark/shared/inventory/section.ts';
import type { InclusionProof } from '@tidemark/shared/merkle/proof.ts';

/* What the controller and an agent say to each other, in the controller's words. The wire's own are in wire.ts. */

/** What can be sent to a host that is connected. */
export type ToAgent =
  | { type: 'order-offer'; order: Uint8Array; proof: InclusionProof; approvals: readonly Uint8Array[] }
  | { type: 'dispatch'; envelope: Uint8Array }
  | { type: 'amendment'; envelope: Uint8Array }
  /** `known` is the root of what is known of the host; null where nothing is. */
  | { type: 'observe-facts'; request: string; known: Digest | null }
  | { type: 'observe-scan'; request: string; profile: Uint8Array; envelope: Uint8Array }
  | { type: 'observe-dry-run'; request: string; wish: Uint8Array }
  | { type: 'secret-key'; envelope: Uint8Array };

export interface AgentHello {
  protocolMin: number;
  protocolMax: number;
  agentVersion: string;
  bootId: string;
  /** What the server calls itself: shown to people, never an identity. */
  hostName: string;
}

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

/** What an agent has found, by digests. */
export interface AgentOffer {
  /** The request that it answers, empty where the agent sends it by itself. */
  request: string;
  atMs: number;
  root: Digest;
  /** None where the root is the one that is known. */
  sections: SectionRef[];
}

/** A section as an agent says it: not yet checked. */
export interface ToldSection {
  kind: string;
  text: string;
}

export interface AgentDryRun {
  request: string;
  /** Null where there is none, and then the message says why. */
  result: Record<string, unknown> | null;
  message: string;
}

export interface AgentScan {
  scan: string;
  /** Empty where a job of an order made the scan. */
  request: string;
  orderDigest: Digest | null;
}
