import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { OnFailure } from '@tidemark/shared/orders/order.ts';
import type { PlanHeader } from '@tidemark/shared/orders/plan.ts';
import type { Condition } from './cel.ts';
import type { Place } from './errors.ts';
import type { MinInService } from './quantities.ts';
import type { StepSettings } from './step-settings.ts';

/** A policy that has been read: checked in itself, its conditions compiled. What it says of the world is still open. */
export interface Policy {
  name: string;
  owner: string;
  /** Of the file's bytes. */
  digest: Digest;
  select: Condition & { place: Place };
  bundle: { name: string; place: Place };
  window: { durationMs: number; reserveMs: number; timezone: string; place: Place };
  approvals: (PlanHeader['approvals'][number] & { place: Place; fromPlaces: Place[] })[];
  tiers: PolicyTiers;
  clusters: ClusterRule[];
  waves: WaveRule[];
  budgets: (PlanHeader['budgets'][number] & { place: Place })[];
  steps: Step[];
  /** Where the steps are, for errors about all of them. */
  stepsPlace: Place;
}

export type Span = 'host' | 'application';

export interface PolicyTiers {
  span: Span;
  /** In the order in which they stop. */
  order: { name: string; minInService: MinInService | null; place: Place }[];
  overrides: { when: Condition; span: Span; place: Place }[];
  place: Place;
}

export interface ClusterRule {
  name: string;
  /** Null: the cluster that is called `name`. */
  when: Condition | null;
  activeWhen: Condition;
  handover: Handover | null;
  onFailure: 'hold-cluster' | 'continue';
  place: Place;
}

export interface Handover {
  /** With `${host.name}`, `${peer.name}` and `${cluster.name}` still in them. */
  command: string[];
  confirm: string[];
  waitMs: number;
  timeoutMs: number | null;
  place: Place;
}

export interface WaveRule {
  name: string;
  /** Null: every host that is left. */
  when: Condition | null;
  pick: number | null;
  maxParallel: number | null;
  soakMs: number;
  needs: string[];
  place: Place;
}

/** A step with all its settings: what the policy says, else its defaults, else what its kind does. */
export type Step = StepSettings & {
  id: string;
  when: Condition | null;
  timeoutMs: number;
  retries: { max: number; backoffMs: number };
  undo: boolean;
  onFailure: OnFailure;
  place: Place;
};
