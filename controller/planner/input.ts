import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { BundlePackage } from '@tidemark/shared/orders/kinds/package.ts';
import type { Service } from '@tidemark/shared/orders/kinds/service.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import type { LearnedDuration } from './learned.ts';
import type { Policy } from './policy.ts';

/** All that a plan is made of. Same input, same bytes: nothing else is looked at. */
export interface CompileInput {
  policy: Policy;
  landscape: PlannerLandscape;
  /** The one that the policy means; null where there is none. */
  bundle: PlannerBundle | null;
  /** Unpacked size of what is on hosts already, by {@link releaseKey}; what is not in it is estimated. */
  installedBytes: ReadonlyMap<string, number>;
  /** By name. */
  agents: ReadonlyMap<string, AgentRecord>;
  /** By host id. */
  facts: ReadonlyMap<string, { facts: Readonly<Record<string, unknown>>; observedAt: number }>;
  /** How long steps took before; empty where nothing has been learned. */
  history: readonly LearnedDuration[];
  /** Facts that are older than this are not relied on. */
  factsMaxAgeMs: number;
  fleet: string;
  /** Null where the fleet has none yet: what approvers need is then checked by the agents alone. */
  trustRoot: TrustRoot | null;
  author: string;
  /** Milliseconds since the epoch. */
  now: number;
  /** When the window opens; null: as the policy says. */
  at: number | null;
  /** Why it is an emergency; not there where it is none. */
  emergency?: string;
  /** Only these hosts of those that the policy selects, by name, and why the others are left out; not there: all. */
  only?: { hosts: ReadonlySet<string>; otherwise: string };
}

/** What the planner needs of the landscape. */
export interface PlannerLandscape {
  version: number;
  hosts: readonly PlannerHost[];
  components: readonly PlannerComponent[];
  clusters: readonly { name: string; members: readonly string[] }[];
  /** By host: contracts for its products, and support of its system. Not there where nobody looked. */
  standings?: ReadonlyMap<string, readonly HostStanding[]>;
  /** Sources whose word may no longer be so, one sentence each. */
  stale?: readonly string[];
}

/** Something that a policy can demand, and until when it is in force. */
export interface HostStanding {
  kind: 'licence' | 'maintenance' | 'os-support';
  /** Milliseconds since the epoch; null where there is none. */
  ends: number | null;
  text: string;
}

export interface PlannerHost {
  name: string;
  application: string | null;
  environment: string | null;
  tags: readonly string[];
  attributes: Readonly<Record<string, unknown>>;
}

export interface PlannerComponent {
  name: string;
  host: string;
  application: string | null;
  tier: string | null;
  kind: string;
  product: string | null;
  home: string | null;
  /** The operating system's package that it runs from. */
  package?: string;
  service: Service | null;
  health: { url: string; status: number; text: string | null } | null;
  perHostConfig: readonly string[];
}

export interface PlannerBundle {
  name: string;
  digest: Digest;
  releases: readonly PlannerRelease[];
  packages: readonly BundlePackage[];
}

export interface PlannerRelease {
  product: string;
  version: string;
  artifact: { name: string; digest: Digest; bytes: number };
  unpackedBytes: number;
}

/** A host that has, or had, an agent. */
export interface AgentRecord {
  id: string;
  state: 'enrolled' | 'evicted' | 'banned';
}

export const releaseKey = (product: string, version: string): string => `${product} ${version}`;
