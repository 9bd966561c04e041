import { Buffer } from 'node:buffer';
import { type Entry, isPassage, type NodeId, sameContent, sameMeta } from './entry.ts';
import {
  bucketsOf,
  createGuard,
  type LoadedSide,
  loadSides,
  NOTHING,
  type NodeLoader,
  type Side,
  storedDirectory,
} from './load.ts';
import { joinPath } from './path.ts';
import type { Plane } from './profile.ts';
import { StoredLeaf } from './stored-leaf.ts';

/** One path at which two trees differ. A directory counts as itself: what is in it has changes of its own. */
export type TreeChange =
  | { change: 'added'; path: Buffer; before: null; after: Entry }
  | { change: 'removed'; path: Buffer; before: Entry; after: null }
  /** Another kind or another content; the meta may be another one, too. */
  | { change: 'changed'; path: Buffer; before: Entry; after: Entry }
  | { change: 'meta-changed'; path: Buffer; before: Entry; after: Entry };

interface Pair {
  before: Side;
  after: Side;
  path: Buffer;
  depth: number;
}

/** Pairs that are read at once: bounds what is in memory, whatever the trees. */
const FRONT = 500;

/**
 * What turns tree `before` into tree `after`, in no order. Walks only where the two differ: what one changed file costs
 * is a node a level on each side.
 */
export async function* diffTrees(
  plane: Plane,
  before: NodeId,
  after: NodeId,
  load: NodeLoader,
): AsyncGenerator<TreeChange> {
  const guard = createGuard();
  const waiting: Pair[] = [];
  const compare = (pair: Pair) => {
    if (!isSameSide(pair.before, pair.after)) waiting.push(pair);
  };
  compare({
    before: storedDirectory(plane, before),
    after: storedDirectory(plane, after),
    path: Buffer.alloc(0),
    depth: 0,
  });
  while (waiting.length > 0) {
    const front = waiting.splice(Math.max(0, waiting.length - FRONT));
    const loaded = await loadSides(
      front.flatMap(pair => [pair.before, pair.after]),
      load,
    );
    for (const pair of front) {
      guard.depth(pair.depth);
      const a = loaded(pair.before, pair.path);
      const b = loaded(pair.after, pair.path);
      if (a.type === 'split' || b.type === 'split') {
        for (const below of pairBuckets(a, b)) compare({ ...pair, ...below });
        continue;
      }
      guard.entries(countOf(a) + countOf(b));
      for (const [from, to] of pairLeaves(a, b)) {
        const path = joinPath(pair.path, (from ?? to)?.name ?? Buffer.alloc(0));
        const change = changeAt(path, from, to);
        if (change) yield change;
        if (from?.kind !== 'directory' && to?.kind !== 'directory') continue;
        compare({
          before: from?.kind === 'directory' ? storedDirectory(plane, from.node) : NOTHING,
          after: to?.kind === 'directory' ? storedDirectory(plane, to.node) : NOTHING,
          path,
          depth: pair.depth + 1,
        });
      }
    }
  }
}

/** All changes, in the order of their paths' bytes. */
export async function listChanges(
  plane: Plane,
  before: NodeId,
  after: NodeId,
  load: NodeLoader,
): Promise<TreeChange[]> {
  const changes: TreeChange[] = [];
  for await (const change of diffTrees(plane, before, after, load)) changes.push(change);
  return changes.sort((a, b) => a.path.compare(b.path));
}

const isSameSide = (a: Side, b: Side): boolean => a.type === 'stored' && b.type === 'stored' && a.id.equals(b.id);

/** Directories on the way to other entries are no entries themselves. */
function changeAt(path: Buffer, from: Entry | null, to: Entry | null): TreeChange | null {
  const before = from && !isPassage(from) ? from : null;
  const after = to && !isPassage(to) ? to : null;
  if (before && after) {
    if (!sameContent(before, after)) return { change: 'changed', path, before, after };
    return sameMeta(before, after) ? null : { change: 'meta-changed', path, before, after };
  }
  if (after) return { change: 'added', path, before: null, after };
  return before ? { change: 'removed', path, before, after: null } : null;
}

function* pairBuckets(a: LoadedSide, b: LoadedSide): Generator<{ before: Side; after: Side }> {
  const before = bucketsOf(a);
  const after = bucketsOf(b);
  for (const half of new Set([...before.keys(), ...after.keys()])) {
    yield { before: before.get(half) ?? NOTHING, after: after.get(half) ?? NOTHING };
  }
}

type Leaf = Extract<LoadedSide, { type: 'leaf' }>;

const countOf = (leaf: Leaf): number => (leaf instanceof StoredLeaf ? leaf.count : leaf.entries.length);

/** Entries of one name side by side; those that are the same may be left out. */
const pairLeaves = (a: Leaf, b: Leaf): Generator<[Entry | null, Entry | null]> =>
  a instanceof StoredLeaf && b instanceof StoredLeaf ? a.differing(b) : pairEntries(a.entries, b.entries);

/** Entries of one name side by side; both lists are in the order of their names. */
function* pairEntries(a: readonly Entry[], b: readonly Entry[]): Generator<[Entry | null, Entry | null]> {
  let left = 0;
  let right = 0;
  while (left < a.length || right < b.length) {
    const from = a[left] ?? null;
    const to = b[right] ?? null;
    const order = from && to ? from.name.compare(to.name) : from ? -1 : 1;
    if (order <= 0) left += 1;
    if (order >= 0) right += 1;
    yield [order <= 0 ? from : null, order >= 0 ? to : null];
  }
}
