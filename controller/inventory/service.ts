import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { HostFacts } from './facts.ts';
import type { InventoryStore } from './ports.ts';
import { sanitizeFacts } from './sanitize.ts';

export type InventoryService = ReturnType<typeof createInventory>;

export function createInventory({ store, clock }: { store: InventoryStore; clock: Clock }) {
  return {
    /**
     * Keeps the facts of a host, as observed now. By the controller's clock: a server whose own clock is behind would
     * look stale for ever, and one whose clock is ahead fresh for ever. False for a host that is not known.
     */
    record: (input: { hostId: string; facts: Record<string, unknown> }): Promise<boolean> =>
      store.put(input.hostId, { facts: sanitizeFacts(input.facts), observedAt: clock.now() }),

    /** The latest facts by host id. */
    latest: (): Promise<Map<string, HostFacts>> => store.all(),

    /** The latest facts of one host: of a fleet they are many megabytes. Null where it has told none. */
    latestOf: (hostId: string): Promise<HostFacts | null> => store.of(hostId),

    /** When they were observed, by host id: to wait for new ones without reading what they say. */
    observed: (): Promise<Map<string, number>> => store.observed(),
  };
}
