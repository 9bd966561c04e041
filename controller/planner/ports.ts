import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { Plan, PlanDocument } from '@tidemark/shared/orders/plan.ts';
import type { StepKind } from '@tidemark/shared/orders/step-kinds.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import type { KnownBundle } from './choose-bundle.ts';
import type { AgentRecord, CompileInput, PlannerBundle, PlannerLandscape } from './input.ts';
import type { LearnedDuration } from './learned.ts';

/** What a plan is made from; other capabilities know it, and whoever wires them hands it in. */
export interface PlannerSources {
  /** Null before the first import. */
  landscape(): Promise<PlannerLandscape | null>;
  /** By name. */
  agents(): Promise<ReadonlyMap<string, AgentRecord>>;
  /** The latest by host id. */
  facts(): Promise<CompileInput['facts']>;
  /** All of them, without their content. */
  bundles(): Promise<readonly KnownBundle[]>;
  /** Names of all rings, in their order. */
  rings(): Promise<readonly string[]>;
  bundle(name: string): Promise<PlannerBundle | null>;
  /** Unpacked sizes of all releases that are known, by {@link releaseKey}. */
  installedBytes(): Promise<ReadonlyMap<string, number>>;
  /** What was learned of how long these kinds of steps take: by host, by bundle, by both, and over all. */
  durations(kinds: readonly string[]): Promise<readonly LearnedDuration[]>;
  trustRoot(): Promise<TrustRoot | null>;
}

/** What the planner keeps. Implemented by controller/store/planner.ts and, for tests, in memory. */
export interface PlanStore {
  get(digest: Digest): Promise<StoredPlan | null>;
  /** Its header alone, as it was hashed. */
  header(digest: Digest): Promise<string | null>;
  /** Newest first, without orders. */
  list(limit: number): Promise<Omit<StoredPlan, 'document'>[]>;
  /** Every kind of step that occurs in the plan's orders, undo included. */
  stepKinds(digest: Digest): Promise<StepKind[]>;
  /** All or nothing; a rejected promise undoes it. */
  transaction<T>(work: (transaction: PlanTransaction) => Promise<T>): Promise<T>;
}

export interface StoredPlan {
  digest: Digest;
  /** Text, as it was hashed. */
  header: string;
  document: PlanDocument;
  createdAt: number;
  approvals: readonly StoredApproval[];
  /** The run that executes it; a plan runs once. */
  run: string | null;
}

/** What became of a plan that was applied. */
export interface PlanRun {
  id: string;
  hasEnded: boolean;
}

/** DSSE, as JSON text. */
export interface StoredApproval {
  approver: string;
  envelope: string;
}

export interface PlanTransaction {
  /** With its orders and their proofs. A plan that is there already stays as it is. */
  add(plan: Plan, document: PlanDocument, createdAt: number): Promise<void>;
  /** Null where it is not there; its run cannot begin before the end of the transaction. */
  lock(digest: Digest): Promise<{ header: string; run: PlanRun | null } | null>;
  /** Replaces what the approver gave for this plan before. */
  approve(digest: Digest, approval: StoredApproval, atMs: number): Promise<void>;
  audit(entry: {
    actor: string;
    action: string;
    subject: string;
    detail: Record<string, string | number>;
  }): Promise<void>;
}
