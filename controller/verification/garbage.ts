import type { NodeId } from '@tidemark/shared/fingerprint/entry.ts';
import { childrenOf, decodeNode } from '@tidemark/shared/fingerprint/node.ts';

/*
 * Clears away nodes that no fingerprint needs any more, while uploads go on.
 *
 * Nothing is deleted at once. A node that no kept tree reaches becomes unfinished again, which is what it was before its
 * first commit: uploads look below it themselves instead of relying on it, and a commit makes it finished again. What
 * stays unfinished, and no upload has looked at for a day, is deleted. Commits wait only for the moment in which nodes
 * are demoted, and are refused where they rely on one that was.
 */

/** One collection, all of it in one transaction. */
export interface Collection {
  /** Marks the roots of all fingerprints that there are now. */
  markRoots(): Promise<void>;
  mark(ids: readonly NodeId[]): Promise<void>;
  /** Marked nodes that were not given yet, at most `limit`, in no order. */
  takeUnwalked(limit: number): Promise<{ id: NodeId; data: Buffer }[]>;
  /** From now to the end no fingerprint is committed. */
  holdOffCommits(): Promise<void>;
  /** Every node that is not marked becomes unfinished; how many were not so before. */
  demoteUnmarked(): Promise<number>;
}

/** Implemented by controller/store/node-garbage.ts. */
export interface GarbageStore {
  /** Null where another collection goes on. */
  collect<T>(work: (collection: Collection) => Promise<T>): Promise<T | null>;
  /** Deletes unfinished nodes that nobody has looked at since then (milliseconds since the epoch); how many. */
  sweep(beforeMs: number): Promise<number>;
}

/** An upload that is interrupted goes on within a day, or begins anew. */
const UNFINISHED_KEPT_MS = 86_400_000;
/** Nodes in memory at once: at most 64 MiB. */
const WALK_BATCH = 1_000;

/** Demotes what no fingerprint reaches, and deletes what nobody needed for a day. Null where another one does so. */
export async function collectGarbage(
  store: GarbageStore,
  now: number,
): Promise<{ demoted: number; deleted: number } | null> {
  const demoted = await store.collect(async collection => {
    await collection.markRoots();
    await walkMarked(collection);
    // Nearly all is marked by now; what was committed meanwhile takes a moment.
    await collection.holdOffCommits();
    await collection.markRoots();
    await walkMarked(collection);
    return collection.demoteUnmarked();
  });
  if (demoted === null) return null;
  return { demoted, deleted: await store.sweep(now - UNFINISHED_KEPT_MS) };
}

async function walkMarked(collection: Collection): Promise<void> {
  for (;;) {
    const nodes = await collection.takeUnwalked(WALK_BATCH);
    if (nodes.length === 0) return;
    const below = new Map<string, NodeId>();
    for (const { id, data } of nodes) {
      const node = decodeNode(data);
      // Nothing is cleared away on the word of a store that is damaged.
      if (!node.ok) throw new Error(`node ${id.toString('hex')} cannot be read, nothing was collected: ${node.error}`);
      for (const child of childrenOf(node.value)) below.set(child.id.toString('latin1'), child.id);
    }
    await collection.mark([...below.values()]);
  }
}
