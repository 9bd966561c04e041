import { Buffer } from 'node:buffer';
import { assert } from '../base/assert.ts';
import { type Content, type Entry, type NodeId, ROOT_NAME } from './entry.ts';
import type { Meta } from './meta.ts';
import {
  type Bucket,
  bucketBelow,
  type EncodedNode,
  encodeNode,
  halfByte,
  leafWeight,
  MAX_LEAF_WEIGHT,
  nameHash,
  type SplitNode,
  WHOLE_DIRECTORY,
} from './node.ts';
import type { Plane } from './profile.ts';

/** Takes every node of a tree, children before parents; the same node may come twice. */
export type Emit = (node: EncodedNode) => void;

/** Encodes one directory, split where it is heavy. Entries in any order, names all different; gives the node's id. */
export function buildDirectory(plane: Plane, entries: readonly Entry[], emit: Emit): NodeId {
  return buildBucket(plane, WHOLE_DIRECTORY, [...entries], emit);
}

/** The node that a plane's tree begins with: the directory `/`, or nothing where the plane has no entry. */
export function buildRoot(plane: Plane, top: Omit<Extract<Content, { kind: 'directory' }>, 'kind'> | null, emit: Emit) {
  return buildDirectory(plane, top ? [{ name: Buffer.from(ROOT_NAME), kind: 'directory', ...top }] : [], emit);
}

export function buildMeta(meta: Meta, emit: Emit): NodeId {
  const node = encodeNode({ type: 'meta', meta });
  emit(node);
  return node.id;
}

function buildBucket(plane: Plane, bucket: Bucket, entries: Entry[], emit: Emit): NodeId {
  const weight = leafWeight(entries);
  const node = encodeNode(
    weight <= MAX_LEAF_WEIGHT
      ? { type: 'leaf', plane, ...bucket, weight, entries: entries.sort((a, b) => a.name.compare(b.name)) }
      : { type: 'split', plane, ...bucket, weight, buckets: buildBuckets(plane, bucket, entries, emit) },
  );
  emit(node);
  return node.id;
}

function buildBuckets(plane: Plane, bucket: Bucket, entries: Entry[], emit: Emit): SplitNode['buckets'] {
  const groups = new Map<number, Entry[]>();
  for (const entry of entries) {
    const half = halfByte(nameHash(entry.name), bucket.depth);
    const group = groups.get(half);
    if (group) group.push(entry);
    else groups.set(half, [entry]);
  }
  return [...groups]
    .sort(([a], [b]) => a - b)
    .map(([half, group]) => ({
      half,
      id: buildBucket(plane, bucketBelow(bucket, half), group, emit),
      weight: leafWeight(group),
    }));
}

/** One entry of a flat list. A directory's node is found by building, so it is not said here. */
export type FlatEntry = {
  /** Absolute, `/` between names, not at the end; `/` itself is the root. */
  path: Buffer;
  plane: Plane;
  content: Exclude<Content, { kind: 'directory' }> | { kind: 'directory'; meta: NodeId };
};

interface Place {
  own: FlatEntry['content'] | null;
  below: Map<string, Place>;
}

/**
 * The trees of a flat list in any order: one root a plane. Directories that are in nobody's list, or in the other
 * plane's, become passages. A path must not be there twice in one plane, nor below something that is no directory.
 */
export function buildTrees(entries: Iterable<FlatEntry>, emit: Emit): Record<Plane, NodeId> {
  const tops: Record<Plane, Place> = { software: emptyPlace(), config: emptyPlace() };
  for (const { path, plane, content } of entries) {
    const place = placeOf(tops[plane], path);
    assert(place.own === null, `two entries at ${path}`);
    place.own = content;
  }
  const build = (plane: Plane): NodeId => {
    const top = tops[plane];
    const isEmpty = top.own === null && top.below.size === 0;
    return buildRoot(plane, isEmpty ? null : directoryAt(plane, top, emit), emit);
  };
  return { software: build('software'), config: build('config') };
}

const emptyPlace = (): Place => ({ own: null, below: new Map() });

function placeOf(top: Place, path: Buffer): Place {
  let place = top;
  for (const name of path.toString('latin1').split('/')) {
    if (name === '') continue;
    const next = place.below.get(name) ?? emptyPlace();
    place.below.set(name, next);
    place = next;
  }
  return place;
}

function directoryAt(plane: Plane, place: Place, emit: Emit): { node: NodeId; meta: NodeId | null } {
  assert(place.own === null || place.own.kind === 'directory', 'an entry below one that is no directory');
  const entries = [...place.below].map(([name, child]) => entryOf(plane, Buffer.from(name, 'latin1'), child, emit));
  return { node: buildDirectory(plane, entries, emit), meta: place.own?.meta ?? null };
}

function entryOf(plane: Plane, name: Buffer, place: Place, emit: Emit): Entry {
  if (place.own === null || place.own.kind === 'directory') {
    return { name, kind: 'directory', ...directoryAt(plane, place, emit) };
  }
  assert(place.below.size === 0, 'an entry below one that is no directory');
  return { name, ...place.own };
}
