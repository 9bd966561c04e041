import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { Section, SectionRef } from '@tidemark/shared/inventory/section.ts';
import type { HostFacts, HostInventory, Look, SectionPeriod, SharedSection } from './facts.ts';

/** What the inventory keeps. Implemented by controller/store/inventory.ts and, for tests, in memory. */
export interface InventoryStore extends InventoryReader {
  /** Those of them of which no content is kept. */
  missing(digests: readonly Digest[]): Promise<Digest[]>;
  /** Keeps contents, which nobody has yet. Those that nobody has for a while are forgotten. */
  keep(sections: readonly Section[]): Promise<void>;
  /**
   * Takes the place of what is known of the host; what was there before is history. `gone`: a content is not kept any
   * more. `host-unknown`: nobody enrolled it.
   */
  put(hostId: string, inventory: NewInventory): Promise<'kept' | 'gone' | 'host-unknown'>;
  /** The host is as it was: false where something else is known of it. */
  seen(hostId: string, root: Digest, observedAt: number): Promise<boolean>;
  /** Forgets what hosts had until then, and contents that no host has or had. */
  forget(until: number): Promise<{ periods: number; contents: number }>;
}

export interface NewInventory {
  root: Digest;
  sections: readonly SectionRef[];
  observedAt: number;
  refused: readonly string[];
}

/** What others read. Ids of hosts are those of their agents. */
export interface InventoryReader {
  /** The facts of each host, as documents; with `kinds` only these of them. Equal contents are the same object. */
  all(kinds?: readonly string[]): Promise<Map<string, HostFacts>>;
  /** Null where the host has told none. */
  of(hostId: string, kinds?: readonly string[]): Promise<HostFacts | null>;
  /** The last look at each host, by its id; of these alone where they are given. */
  looks(hostIds?: readonly string[]): Promise<Map<string, Look>>;
  /** Null where the host has told nothing. */
  inventoryOf(hostId: string): Promise<HostInventory | null>;
  /**
   * Every distinct content of these kinds that a host has now, with the hosts that have it; of these hosts alone where
   * they are given. In portions, so that a fleet's packages are never in memory at once.
   */
  contents(kinds: readonly string[], hostIds?: readonly string[]): AsyncIterable<SharedSection[]>;
  /** What the host has had since then, each kind from the content that it had at that moment; oldest first. */
  history(hostId: string, since: number): Promise<SectionPeriod[]>;
}
