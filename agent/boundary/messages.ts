import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { SectionRef } from '@tidemark/shared/inventory/section.ts';
import type { InclusionProof } from '@tidemark/shared/merkle/proof.ts';
import type { OrderStanding, Report } from '@tidemark/shared/orders/report.ts';
import type { KnownInventory } from '@tidemark/shared/protocol/codec.ts';

/*
 * All that the agent's two parts say to each other. The link is unprivileged and talks to the network; the executor is
 * privileged and does not. Plain data, so that the two can live in one process or in two: the executor believes
 * none of it before it has verified it.
 */

export type ToExecutor =
  /** A link is up: tell where orders stand and send again all reports after `acknowledged`. */
  | { type: 'connected'; acknowledged: number; known: KnownInventory }
  | { type: 'order-offer'; order: Uint8Array; proof: InclusionProof; approvals: Uint8Array[] }
  | { type: 'dispatch'; envelope: Uint8Array }
  | { type: 'amendment'; envelope: Uint8Array }
  /** Reports up to here are stored by the controller. */
  | { type: 'acknowledge'; sequence: number }
  | { type: 'output-credit'; bytes: number }
  | { type: 'observe-facts'; request: string; known: KnownInventory }
  /** What of an offer the controller does not have. */
  | { type: 'want-sections'; digests: Digest[] }
  /** `envelope` is empty where nobody signed the profile. */
  | { type: 'observe-scan'; request: string; profile: Uint8Array; envelope: Uint8Array }
  /** `wish` is a {@link DryRunRequest} as JSON. */
  | { type: 'observe-dry-run'; request: string; wish: Uint8Array }
  | { type: 'secret-key'; envelope: Uint8Array }
  /** The file is complete; the executor checks its digest before it uses it. */
  | { type: 'artifact-ready'; digest: Digest; file: string }
  | { type: 'artifact-failed'; digest: Digest; message: string }
  /** The tree is committed: its files may go. */
  | { type: 'scan-uploaded'; scan: string };

export type FromExecutor =
  | { type: 'standings'; standings: OrderStanding[] }
  | { type: 'report'; report: Report }
  | { type: 'output'; orderDigest: Digest; job: number; attempt: number; offset: number; data: Uint8Array }
  | { type: 'facts'; request: string; atMs: number; facts: Record<string, unknown> }
  /** `sections` is empty where the root is known. */
  | { type: 'facts-offer'; request: string; atMs: number; root: Digest; sections: SectionRef[] }
  | { type: 'sections'; sections: { kind: string; text: string }[] }
  | { type: 'scan-ready'; scan: string; request: string; orderDigest: Digest | null; directory: string }
  | { type: 'scan-failed'; request: string; message: string }
  /** `result` is null where there is none, and then the message says why. */
  | { type: 'dry-run'; request: string; result: Record<string, unknown> | null; message: string }
  | { type: 'artifact-wanted'; digest: Digest; name: string; bytes: number };
