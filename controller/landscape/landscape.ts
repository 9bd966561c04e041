import type { Service } from '@tidemark/shared/orders/kinds/service.ts';
import type { z } from 'zod';

/** What is where. It decides nothing: what is done with it is the policies' matter. */
export interface LandscapeContent {
  hosts: LandscapeHost[];
  components: LandscapeComponent[];
  clusters: LandscapeCluster[];
}

export interface LandscapeHost {
  name: string;
  application: string | null;
  environment: string | null;
  tags: string[];
  attributes: Record<string, z.core.util.JSONType>;
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

/** A landscape as it was imported. */
export interface Landscape extends LandscapeContent {
  /** Grows by one with every import that changed something. */
  version: number;
  digest: string;
  importedBy: string;
  /** Milliseconds since the epoch. */
  importedAt: number;
}
