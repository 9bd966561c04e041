import type { Clock } from '@tidemark/shared/base/clock.ts';
import { MAX_SECTIONS, makeSection, rootOf, type Section } from '@tidemark/shared/inventory/section.ts';
import type { HostFacts, HostInventory } from './facts.ts';
import type { InventoryStore } from './ports.ts';

export type InventoryService = ReturnType<typeof createInventory>;

export function createInventory({ store, clock }: { store: InventoryStore; clock: Clock }) {
  return {
    /**
     * Keeps the facts of a host, as observed now. By the controller's clock: a server whose own clock is behind would
     * look stale for ever, and one whose clock is ahead fresh for ever. False for a host that is not known.
     */
    record: async ({ hostId, facts }: { hostId: string; facts: Record<string, unknown> }): Promise<boolean> => {
      const { sections, refused } = sectionsOf(facts);
      await store.keep(sections);
      const done = await store.put(hostId, { root: rootOf(sections), sections, observedAt: clock.now(), refused });
      return done !== 'host-unknown';
    },

    /** The latest facts by host id; with `kinds` only these of them. */
    latest: (kinds?: readonly string[]): Promise<Map<string, HostFacts>> => store.all(kinds),

    /** The latest facts of one host: of a fleet they are many megabytes. Null where it has told none. */
    latestOf: (hostId: string): Promise<HostFacts | null> => store.of(hostId),

    /** What is known of a host, by names alone. */
    inventoryOf: (hostId: string): Promise<HostInventory | null> => store.inventoryOf(hostId),

    /** When they were observed, by host id: to wait for new ones without reading what they say. */
    observed: (): Promise<Map<string, number>> => store.observed(),
  };
}

/** Of facts that came as one document: what of it is fit to be kept, and why the rest is not. Pure. */
export function sectionsOf(facts: Readonly<Record<string, unknown>>): { sections: Section[]; refused: string[] } {
  const sections: Section[] = [];
  const refused: string[] = [];
  for (const [kind, content] of Object.entries(facts)) {
    // What a host does not have it says by null.
    if (content === null || content === undefined) continue;
    const made = makeSection(kind, content);
    if (!made.ok) refused.push(made.error);
    else if (sections.length >= MAX_SECTIONS) refused.push(`${kind}: there are more than ${MAX_SECTIONS} facts`);
    else sections.push(made.value);
  }
  return { sections, refused: refused.slice(0, MAX_SECTIONS) };
}
