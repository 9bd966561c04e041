import type { HostFacts } from './facts.ts';

/** What the inventory keeps. Implemented by controller/store/inventory.ts and, for tests, in memory. */
export interface InventoryStore {
  /** Replaces what is known of the host. False for a host that nobody enrolled. */
  put(hostId: string, facts: HostFacts): Promise<boolean>;
  all(): Promise<Map<string, HostFacts>>;
  /** Null where the host has told none. */
  of(hostId: string): Promise<HostFacts | null>;
  /** When the facts of each host were observed, by host id; milliseconds since the epoch. */
  observed(): Promise<Map<string, number>>;
}
