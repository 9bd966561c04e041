import { createInventory } from '@tidemark/controller/inventory/service.ts';
import { inventoryStore } from '@tidemark/controller/store/inventory.ts';
import type { Store } from '@tidemark/controller/store/store.ts';

/** Keeps facts of a host as observed at that moment, as they are kept when an agent tells them. */
export async function keepFacts(
  store: Pick<Store, 'db' | 'transaction'>,
  hostId: string,
  facts: Readonly<Record<string, unknown>>,
  at: number,
): Promise<void> {
  const clock = { now: () => at, monotonic: () => at };
  await createInventory({ store: inventoryStore(store), clock }).record({ hostId, facts: { ...facts } });
}
