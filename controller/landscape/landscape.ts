import type { Service } from '@tidemark/shared/orders/kinds/service.ts';
import type { z } from 'zod';

/**
 * What is where. It decides nothing: what is done with it is the policies' matter. Everything from `dependencies` on, and
 * every optional key below, is left out where there is none, as in landscapes of before: the same content has one digest.
 */
export interface LandscapeContent {
  hosts: LandscapeHost[];
  components: LandscapeComponent[];
  clusters: LandscapeCluster[];
  dependencies?: Dependency[];
  applications?: Application[];
  contracts?: Contract[];
  osSupport?: OsSupport[];
}

export interface LandscapeHost {
  name: string;
  application: string | null;
  environment: string | null;
  tags: string[];
  attributes: Record<string, z.core.util.JSONType>;
  /** What other systems know it by, by the system: `{netbox: "device/17"}`. */
  ids?: Record<string, string>;
  /** IPv4 and IPv6, without prefix length. */
  addresses?: string[];
}

/** Something on a host that can be stopped and started. Its name is unique on its host. */
export interface LandscapeComponent {
  name: string;
  host: string;
  application: string | null;
  tier: string | null;
  /** The word in job names: `database` in "stop database orders-db on db01". */
  kind: string;
  product: string | null;
  /** Absolute path on the server; null exactly where there is no product. */
  home: string | null;
  /** The operating system's package that it runs from; left out where there is none, as in landscapes of before. */
  package?: string;
  service: Service | null;
  health: { url: string; status: number; text: string | null } | null;
  perHostConfig: string[];
}

/** Hosts that cover for each other. Roles are no part of it: a probe finds them. */
export interface LandscapeCluster {
  name: string;
  members: string[];
}

export interface ComponentRef {
  host: string;
  name: string;
}

export const DEPENDENCY_KINDS = ['uses', 'runs-on', 'part-of'] as const;
export type DependencyKind = (typeof DEPENDENCY_KINDS)[number];

/** `from` needs `to`: where `to` stands still, so does `from`. */
export interface Dependency {
  from: ComponentRef;
  kind: DependencyKind;
  to: ComponentRef;
}

export interface Application {
  name: string;
  owner: string | null;
  serviceLevel: ServiceLevel | null;
}

export interface ServiceLevel {
  /** Of a month, in percent. */
  availability: number | null;
  /** When it is promised; null: always. */
  hours: { days: string[]; from: string; to: string; timezone: string } | null;
  penaltyClass: string | null;
}

/** What somebody pays for. It is about a product, a host, or a product on a host. */
export interface Contract {
  kind: 'licence' | 'maintenance';
  product: string | null;
  host: string | null;
  vendor: string | null;
  number: string | null;
  /** The last day, `2027-03-31`, in UTC. */
  ends: string;
}

/** Until when a vendor supports a release of an operating system. */
export interface OsSupport {
  os: string;
  release: string;
  /** The last day, as in contracts. */
  ends: string;
  /** Where that is written. */
  source: string;
}

/** A landscape as it was imported. */
export interface Landscape extends LandscapeContent {
  /** Grows by one with every import that changed something. */
  version: number;
  digest: string;
  importedBy: string;
  /** Milliseconds since the epoch. */
  importedAt: number;
}

/** `orders-db@db01`: how people write a component of a host. */
export const refText = ({ name, host }: ComponentRef): string => `${name}@${host}`;

export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
