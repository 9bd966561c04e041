import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { HostFacts } from './facts.ts';
import type { InventoryStore } from './ports.ts';
import { sanitizeFacts } from './sanitize.ts';

export type InventoryService = ReturnType<typeof createInventory>;

export function createInventory({ store, clock }: { store: InventoryStore; clock: Clock }) {
  return {
    /** Keeps the facts of a host; what is older than what is known changes nothing. False for a host that is not known. */
    record: (input: { hostId: string; atMs: number; facts: Record<string, unknown> }): Promise<boolean> =>
      store.put(input.hostId, {
        facts: sanitizeFacts(input.facts),
        // A server whose clock is ahead must not look fresh for ever, nor shut out what it says once its clock is right.
        observedAt: Math.min(input.atMs, clock.now()),
      }),

    /** The latest facts by host id. */
    latest: (): Promise<Map<string, HostFacts>> => store.all(),
  };
}
