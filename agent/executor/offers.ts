import { Buffer } from 'node:buffer';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { KnownInventory } from '@tidemark/shared/protocol/codec.ts';
import type { FromExecutor } from '../boundary/messages.ts';
import { keptDocument, readKept, readKeptText } from '../inventory/kept.ts';

export interface Offers {
  /** What the controller that is connected now knows. */
  connected(known: KnownInventory): void;
  /** What it was last said to know. */
  known(): KnownInventory;
  /** Offers what the last look found; with `known`, to a controller that has just said what it knows. */
  offer(request: string, known?: KnownInventory): void;
  /** Hands over what of it the controller does not have. */
  want(digests: readonly Digest[]): void;
}

/** In one message: several small sections, or one that is larger. */
const TEXT_BYTES = 256 * 1024;

/** Tells the controller what the inventory found: by digests, and then what it lacks. */
export function createOffers(options: {
  stateDir: string;
  clock: Clock;
  send: (message: FromExecutor) => void;
}): Offers {
  const { stateDir, clock, send } = options;
  let last: KnownInventory = { root: null };
  return {
    connected(known) {
      last = known;
    },

    known: () => last,

    offer(request, known = last) {
      last = known;
      const kept = readKept(stateDir);
      if (!kept) return;
      const atMs = clock.now();
      if (known === null) {
        send({ type: 'facts', request, atMs, facts: keptDocument(stateDir, kept) });
        return;
      }
      const { root } = kept;
      send({ type: 'facts-offer', request, atMs, root, sections: known.root === root ? [] : kept.sections });
    },

    want(digests) {
      const kinds = new Map(readKept(stateDir)?.sections.map(({ kind, digest }) => [digest, kind]));
      let sections: { kind: string; text: string }[] = [];
      let bytes = 0;
      const flush = () => {
        if (sections.length > 0) send({ type: 'sections', sections });
        sections = [];
        bytes = 0;
      };
      for (const digest of digests) {
        const kind = kinds.get(digest);
        const text = readKeptText(stateDir, digest);
        // Another look has followed, and what it found is offered too.
        if (kind === undefined || text === null) continue;
        const size = Buffer.byteLength(text);
        if (bytes + size > TEXT_BYTES) flush();
        sections.push({ kind, text });
        bytes += size;
      }
      flush();
    },
  };
}
