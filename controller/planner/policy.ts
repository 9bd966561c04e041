import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { OnFailure } from '@tidemark/shared/orders/order.ts';
import type { Gate, PlanHeader } from '@tidemark/shared/orders/plan.ts';
import type { Calendar } from './calendar.ts';
import type { Condition, Count } from './cel.ts';
import type { Place } from './errors.ts';
import type { HandoverSettings } from './handover.ts';
import type { MinInService } from './quantities.ts';
import type { Recurrence } from './recurrence.ts';
import type { StepSettings } from './step-settings.ts';

/** A policy that has been read: checked in itself, its conditions compiled. What it says of the world is still open. */
export interface Policy {
  name: string;
  owner: string;
  /** Of the file's bytes. */
  digest: Digest;
  /** Other files that it names, as they were. */
  files: { name: string; digest: Digest }[];
  select: Condition & { place: Place };
  bundle: BundleChoice;
  window: WindowRule;
  /** Of the plan; those of waves are gates of theirs. */
  approvals: ApprovalRule[];
  tiers: PolicyTiers;
  clusters: ClusterRule[];
  limits: LimitRule[];
  landscape: { onStale: 'note' | 'refuse'; place: Place };
  requires: {
    what: 'licence' | 'maintenance' | 'os-support';
    /** So long after the end of the window. */
    afterMs: number;
    otherwise: 'leave-out' | 'refuse';
    place: Place;
  }[];
  groups: {
    name: string;
    when: Condition;
    /** Null where it says nothing of it. */
    importance: number | null;
    onDrift: 'report' | 'incident';
    place: Place;
  }[];
  waves: WaveRule[];
  budgets: (PlanHeader['budgets'][number] & { place: Place })[];
  /** With placeholders; null: as each kind of step names its jobs. */
  jobName: string | null;
  steps: Step[];
  /** Where the steps are, for errors about all of them. */
  stepsPlace: Place;
  emergency: EmergencyRule | null;
}

export interface BundleChoice {
  /** Null: the newest of the ring. */
  name: string | null;
  /** It must be promoted at least so far; null: anywhere. */
  ring: string | null;
  /** Over `patch`. */
  include: Condition | null;
  exclude: Condition | null;
  place: Place;
  /** Of the ring, where one is named. */
  ringPlace: Place;
}

export interface WindowRule {
  durationMs: number;
  reserveMs: number;
  timezone: string;
  recurrence: (Recurrence & { place: Place }) | null;
  blackouts: (Calendar & { place: Place })[];
  place: Place;
}

export type ApprovalRule = PlanHeader['approvals'][number] & { place: Place; fromPlaces: Place[] };

export interface LimitRule {
  /** `cluster`, `tier`, `application`, or the name of an attribute of hosts after `attributes.`. */
  per: string;
  maxUnavailable: number | { share: number };
  place: Place;
}

/** What is another in an emergency. No check, gate, limit, budget or order of steps is among it. */
export interface EmergencyRule {
  soakMs: number;
  /** Null: all. */
  waves: string[] | null;
  approvals: ApprovalRule[];
  place: Place;
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
  order: 'inactive-first' | 'fewest-roles-first' | 'listed';
  /** With the order `listed`. */
  members: string[];
  /** Null where all members are alike. */
  activeWhen: Condition | null;
  /** With the order `fewest-roles-first`. */
  roles: Count | null;
  healthyWhen: Condition | null;
  /** Null: a majority; of two members, one. */
  minHealthy: number | null;
  handover: Handover | null;
  onFailure: 'hold-cluster' | 'continue';
  place: Place;
}

export interface Handover {
  /** With `${host.name}`, `${peer.name}` and `${cluster.name}` still in its texts. */
  with: HandoverSettings;
  timeoutMs: number | null;
  place: Place;
}

export interface WaveRule {
  name: string;
  /** Null: every host that is left. */
  when: Condition | null;
  pick: number | { share: number } | null;
  maxParallel: number | null;
  soakMs: number;
  needs: string[];
  gates: (Gate & { place: Place; fromPlaces: Place[] })[];
  place: Place;
}

/** What standard steps look at to find out whether a host needs them. */
export interface StepHost {
  view: { host: { tags: readonly string[] } };
  facts: Readonly<Record<string, unknown>>;
  /** Packages that change on it. */
  packages: readonly unknown[];
}

/** A step with all its settings: what the policy says, else its defaults, else what its kind does. */
export type Step = StepSettings & {
  id: string;
  /** Of standard steps: the hosts that it is for. Null: for every host. */
  applies: ((host: StepHost) => boolean) | null;
  when: Condition | null;
  /** Of `check/all`: for which hosts each of its checks is; null for every host. Empty for any other kind. */
  checkConditions: readonly (Condition | null)[];
  timeoutMs: number;
  retries: { max: number; backoffMs: number };
  undo: boolean;
  onFailure: OnFailure;
  place: Place;
};
