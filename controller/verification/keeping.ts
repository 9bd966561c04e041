import { collectGarbage, type GarbageStore } from './garbage.ts';
import type { RetentionStore } from './ports.ts';
import { expiredFingerprints, type RetentionRule } from './retention.ts';

export interface Cleared {
  /** Fingerprints that nothing keeps any more. */
  forgotten: number;
  /** Nodes that no fingerprint needed any more: from now on, and for a day. */
  demoted: number;
  deleted: number;
}

/** Forgets old fingerprints and clears away what only they needed. Null where another controller is at it. */
export async function clearFingerprints(
  store: RetentionStore & GarbageStore,
  rule: RetentionRule,
  now: number,
): Promise<Cleared | null> {
  const forgotten = await store.forget(expiredFingerprints(await store.all(), rule, now));
  const collected = await collectGarbage(store, now);
  return collected && { forgotten, ...collected };
}
