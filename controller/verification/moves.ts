import type { Buffer } from 'node:buffer';
import type { HostChange } from './changes.ts';

/** A change; where it is one half of a move, the half at the new place, with the old one. */
export interface JoinedChange {
  change: HostChange;
  movedFrom: Buffer | null;
}

/**
 * A file that is gone from one path and new, with the same content, at another has moved: one difference, not two. Of
 * several with one content the first by path goes with the first. Empty files are all alike and move nowhere. Pure.
 */
export function joinMoves(changes: readonly HostChange[], mayMove: (change: HostChange) => boolean): JoinedChange[] {
  const gone = new Map<string, HostChange[]>();
  for (const change of changes) {
    const key = change.change === 'removed' && mayMove(change) ? contentKey(change.before) : null;
    if (key === null) continue;
    const same = gone.get(key);
    if (same) same.push(change);
    else gone.set(key, [change]);
  }
  const moved = new Set<HostChange>();
  const joined = changes.map((change): JoinedChange => {
    const key = change.change === 'added' && mayMove(change) ? contentKey(change.after) : null;
    const from = key === null ? undefined : gone.get(key)?.shift();
    if (from) moved.add(from);
    return { change, movedFrom: from?.path ?? null };
  });
  return joined.filter(({ change }) => !moved.has(change));
}

const contentKey = (entry: HostChange['before']): string | null =>
  entry?.kind === 'file' && entry.size > 0 ? `${entry.executable} ${entry.digest.toString('latin1')}` : null;
