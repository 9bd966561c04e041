import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import {
  MAX_SECTIONS,
  makeSection,
  rootOf,
  type Section,
  type SectionRef,
} from '@tidemark/shared/inventory/section.ts';
import { type Change, changesSince } from './changes.ts';
import type { HostFacts, HostInventory, Look } from './facts.ts';
import { keptOf, type Offer, readOffer, takeTold } from './offers.ts';
import type { InventoryStore } from './ports.ts';

export type InventoryService = ReturnType<typeof createInventory>;

/** What became of something that an agent told. */
export interface Told {
  /** What it is to hand over. */
  wanted: Digest[];
  /** Its inventory is stored: the requests that this answers. Null where it is not yet. */
  stored: readonly string[] | null;
}

/** More than anybody reads; a release upgrade changes two thousand packages. */
const MAX_CHANGES = 10_000;

const IGNORED: Told = { wanted: [], stored: null };

/**
 * What is known of hosts, by the controller's clock: a server whose own clock is behind would look stale for ever, and one
 * whose clock is ahead fresh for ever.
 */
export function createInventory({ store, clock }: { store: InventoryStore; clock: Clock }) {
  /** By host; what is not handed over while the host is connected is offered anew when it comes back. */
  const offers = new Map<string, Offer>();

  async function settle(hostId: string, offer: Offer): Promise<Told> {
    if (offer.missing.size > 0) {
      offers.set(hostId, offer);
      return IGNORED;
    }
    offers.delete(hostId);
    const { root, refused, requests } = offer;
    const kept = { root, sections: keptOf(offer), observedAt: clock.now(), refused: [...refused.values()] };
    const done = await store.put(hostId, kept);
    if (done !== 'gone') return { wanted: [], stored: done === 'kept' ? requests : null };
    // Nobody had it, and it was cleared away between its coming and now.
    const missing = await store.missing(kept.sections.map(({ digest }) => digest));
    offers.set(hostId, { ...offer, missing: new Set(missing) });
    return { wanted: missing, stored: null };
  }

  return {
    /** Keeps facts that came as one document. False for a host that is not known. */
    record: async ({ hostId, facts }: { hostId: string; facts: Record<string, unknown> }): Promise<boolean> => {
      const { sections, refused } = sectionsOf(facts);
      await store.keep(sections);
      const done = await store.put(hostId, { root: rootOf(sections), sections, observedAt: clock.now(), refused });
      return done !== 'host-unknown';
    },

    /** A host says what it has found. */
    async offered(offer: {
      hostId: string;
      request: string;
      root: Digest;
      sections: readonly SectionRef[];
    }): Promise<Told> {
      const { hostId, request, root, sections } = offer;
      const before = offers.get(hostId);
      if (await store.seen(hostId, root, clock.now())) {
        offers.delete(hostId);
        return { wanted: [], stored: [...(before?.requests ?? []), request] };
      }
      const missing = await store.missing([...new Set(sections.map(({ digest }) => digest))]);
      const read = readOffer({ request, root, sections }, missing, before);
      if (!read) return IGNORED;
      const told = await settle(hostId, read);
      return told.stored ? told : { ...told, wanted: [...read.missing] };
    },

    /** A host hands over what was wanted, or a part of it. */
    async told({
      hostId,
      sections,
    }: {
      hostId: string;
      sections: readonly { kind: string; text: string }[];
    }): Promise<Told> {
      const offer = offers.get(hostId);
      if (!offer) return IGNORED;
      const taken = takeTold(offer, sections);
      await store.keep(taken.sections);
      return settle(hostId, taken.offer);
    },

    /** The host is gone: what it has not handed over it offers anew. */
    forget: (hostId: string): void => void offers.delete(hostId),

    /** What has changed on a host after `since` (milliseconds since the epoch), oldest first, of very many the last. */
    changes: async (hostId: string, since: number): Promise<{ changes: Change[]; truncated: boolean }> => {
      const all = changesSince(await store.history(hostId, since), since);
      return { changes: all.slice(-MAX_CHANGES), truncated: all.length > MAX_CHANGES };
    },

    /** Forgets what hosts had until then, and contents that nobody has. Gives their numbers. */
    forgetUntil: (until: number): Promise<{ periods: number; contents: number }> => store.forget(until),

    /** The latest facts by host id; with `kinds` only these of them. */
    latest: (kinds?: readonly string[]): Promise<Map<string, HostFacts>> => store.all(kinds),

    /** The latest facts of one host: of a fleet they are many megabytes. Null where it has told none. */
    latestOf: (hostId: string, kinds?: readonly string[]): Promise<HostFacts | null> => store.of(hostId, kinds),

    /** What is known of a host, by names alone. */
    inventoryOf: (hostId: string): Promise<HostInventory | null> => store.inventoryOf(hostId),

    /** Which inventory each host had, and when it was looked at: without reading what it says. */
    looks: (): Promise<Map<string, Look>> => store.looks(),

    /** The root of what is known of a host. */
    rootOf: async (hostId: string): Promise<Digest | null> => (await store.looks([hostId])).get(hostId)?.root ?? null,
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
