import { Buffer } from 'node:buffer';
import { assert, present } from '../base/assert.ts';
import { NotCanonical } from '../merkle/codec.ts';
import { type Entry, type NodeId, ROOT_NAME } from './entry.ts';
import type { Meta } from './meta.ts';
import {
  type Bucket,
  bucketBelow,
  decodeNode,
  directoryOf,
  type Expected,
  fits,
  halfByte,
  type MetaNode,
  nameHash,
  nodeId,
  nodeKey,
  type SplitNode,
} from './node.ts';
import { pathText } from './path.ts';
import type { Plane } from './profile.ts';
import { StoredLeaf } from './stored-leaf.ts';

/** Gives the canonical bytes of nodes by {@link nodeKey}; one that is not there is left out. Asked in batches. */
export type NodeLoader = (ids: readonly NodeId[]) => Promise<ReadonlyMap<string, Uint8Array>>;

/** A stored tree is not what it should be. Thrown while it is read: the store, not the caller, is at fault. */
export class TreeDamaged extends Error {
  override name = 'TreeDamaged';
}

/** As many nodes as are asked for at once: one query each, at most some 20 MB. */
const BATCH = 1_000;

/** More levels than a path of PATH_MAX can have; a tree that goes deeper was not made by a scan. */
const MAX_DEPTH = 2_100;

/**
 * More entries than any server has. A tree can name one subtree many times, so that a few nodes would stand for more
 * entries than can be listed; whoever lists it stops here.
 */
export const MAX_ENTRIES_READ = 10_000_000;

/** A directory, or a bucket of one: in the store, or made of entries that are already known. */
export type Side = { type: 'stored'; id: NodeId; expected: Extract<Expected, { type: 'directory' }> } | LoadedSide;
export type LoadedSide = Leaf | SplitNode;
type Leaf = StoredLeaf | ({ type: 'leaf'; entries: readonly Entry[] } & Bucket);

export const NOTHING: LoadedSide = { type: 'leaf', entries: [], depth: 0, prefix: Buffer.alloc(0) };

export const storedDirectory = (plane: Plane, id: NodeId): Side => ({
  type: 'stored',
  id,
  expected: directoryOf(plane),
});

/** Loads what is stored of these sides, each node once, and checks it: its id, its form and that it can stand there. */
export async function loadSides(
  sides: readonly Side[],
  load: NodeLoader,
): Promise<(side: Side, path: Buffer) => LoadedSide> {
  const wanted = new Map<string, NodeId>();
  for (const side of sides) if (side.type === 'stored') wanted.set(nodeKey(side.id), side.id);
  const nodes = await loadNodes([...wanted.values()], load);
  return (side, path) => {
    if (side.type !== 'stored') return side;
    const node = present(nodes.get(nodeKey(side.id)), 'loaded node');
    if (node.type === 'meta' || !fits(node, side.expected)) {
      throw new TreeDamaged(`node ${side.id.toString('hex')} cannot stand at ${pathText(path)}`);
    }
    checkRoot(node, path);
    return node;
  };
}

/** The root node holds `/` and nothing else, and no other node does. */
function checkRoot(node: StoredLeaf | SplitNode, path: Buffer): void {
  const holdsRoot = node.type === 'leaf' && node.count === 1 && node.entry(0).name.toString('latin1') === ROOT_NAME;
  const isEmpty = node.type === 'leaf' && node.count === 0;
  if (path.length > 0 ? holdsRoot : !holdsRoot && !isEmpty)
    throw new TreeDamaged(`the node at ${pathText(path) || 'the root'} is not the one of a tree's root`);
}

async function loadNodes(ids: readonly NodeId[], load: NodeLoader): Promise<Map<string, StoredNode>> {
  const nodes = new Map<string, StoredNode>();
  for (let at = 0; at < ids.length; at += BATCH) {
    const batch = ids.slice(at, at + BATCH);
    const found = await load(batch);
    for (const id of batch) nodes.set(nodeKey(id), checked(id, found.get(nodeKey(id))));
  }
  return nodes;
}

type StoredNode = StoredLeaf | SplitNode | MetaNode;

/** What has its id is what was decoded whole when it came, so that a leaf's entries need no second look. */
function checked(id: NodeId, data: Uint8Array | undefined): StoredNode {
  if (!data) throw new TreeDamaged(`node ${id.toString('hex')} is not in the store; scan the host again`);
  if (!nodeId(data).equals(id)) throw new TreeDamaged(`node ${id.toString('hex')} was altered in the store`);
  try {
    const leaf = StoredLeaf.of(data);
    if (leaf) return leaf;
  } catch (error) {
    if (error instanceof NotCanonical) throw unreadable(id, error.message);
    throw error;
  }
  const node = decodeNode(data);
  if (!node.ok) throw unreadable(id, node.error);
  assert(node.value.type !== 'leaf', 'no leaf');
  return node.value;
}

const unreadable = (id: NodeId, why: string): TreeDamaged =>
  new TreeDamaged(`node ${id.toString('hex')} cannot be read: ${why}`);

/** The meta objects of these ids, by {@link nodeKey}. */
export async function loadMetas(ids: readonly NodeId[], load: NodeLoader): Promise<Map<string, Meta>> {
  const unique = new Map(ids.map(id => [nodeKey(id), id]));
  const metas = new Map<string, Meta>();
  for (const [key, node] of await loadNodes([...unique.values()], load)) {
    if (node.type !== 'meta') throw new TreeDamaged(`node ${Buffer.from(key, 'latin1').toString('hex')} is no meta`);
    metas.set(key, node.meta);
  }
  return metas;
}

/** The up to 16 buckets of a side, by half byte; a leaf is dealt out as if it had been split. */
export function bucketsOf(side: LoadedSide): Map<number, Side> {
  if (side.type === 'split') {
    const { plane } = side;
    return new Map(
      side.buckets.map(({ half, id, weight }) => [
        half,
        { type: 'stored', id, expected: { type: 'directory', plane, weight, ...bucketBelow(side, half) } },
      ]),
    );
  }
  const groups = new Map<number, Entry[]>();
  for (const entry of side.entries) {
    const half = halfByte(nameHash(entry.name), side.depth);
    const group = groups.get(half);
    if (group) group.push(entry);
    else groups.set(half, [entry]);
  }
  return new Map([...groups].map(([half, entries]) => [half, { type: 'leaf', entries, ...bucketBelow(side, half) }]));
}

/** Counts what is read of a tree, and stops where no scan would have made it. */
export function createGuard(): { entries(more: number): void; depth(depth: number): void } {
  let count = 0;
  return {
    entries: more => {
      count += more;
      if (count > MAX_ENTRIES_READ) throw new TreeDamaged(`a tree of more than ${MAX_ENTRIES_READ} entries`);
    },
    depth: depth => {
      if (depth > MAX_DEPTH) throw new TreeDamaged(`a tree of more than ${MAX_DEPTH} levels`);
    },
  };
}
