import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { SectionRef } from '@tidemark/shared/inventory/section.ts';

/** What an agent found on its server, and when (milliseconds since the epoch). */
export interface HostFacts {
  /** By kind of section (shared/inventory/kinds.ts), and by the name of the program for the site's own. */
  facts: Record<string, unknown>;
  observedAt: number;
}

/** A look at a host: which inventory it found, and when (milliseconds since the epoch). */
export interface Look {
  root: Digest;
  observedAt: number;
}

/** What is known of a host, by names alone. */
export interface HostInventory extends Look {
  changedAt: number;
  /** What its agent told and was not kept, with the reason. */
  refused: readonly string[];
  sections: readonly SectionRef[];
}

/** A content, and who has it now. */
export interface SharedSection {
  kind: string;
  digest: Digest;
  content: unknown;
  hostIds: readonly string[];
}

/** A content of a host, and when it had it: until now where `until` is null. Milliseconds since the epoch. */
export interface SectionPeriod {
  kind: string;
  digest: Digest;
  content: unknown;
  since: number;
  until: number | null;
}
