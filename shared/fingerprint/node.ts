import { Buffer } from 'node:buffer';
import { assert, present } from '../base/assert.ts';
import { sha256 } from '../base/digest.ts';
import { err, ok, type Result } from '../base/result.ts';
import { ByteReader, ByteWriter, NotCanonical } from '../merkle/codec.ts';
import type { Entry, NodeId } from './entry.ts';
import { readEntries, writeEntries } from './entry-codec.ts';
import { type Meta, readMeta, writeMeta } from './meta.ts';
import type { Plane } from './profile.ts';

/*
 * Nodes are what a fingerprint is stored, sent and compared as. The layout is in README.md; it is final: the id of
 * every node of the fleet hangs on it.
 */

/**
 * Where a bucket stands in its directory: the first `depth` half bytes of SHA-256(name) of all its entries. A directory
 * that is not split is one bucket of depth 0.
 */
export interface Bucket {
  depth: number;
  /** ceil(depth / 2) bytes; the last half byte is 0 where depth is odd. */
  prefix: Buffer;
}

/** A whole directory, or a bucket of a large one. Entries in the order of their names' bytes. */
export interface LeafNode extends Bucket {
  type: 'leaf';
  plane: Plane;
  weight: number;
  entries: Entry[];
}

/** A directory, or a bucket of one, that is too heavy for one leaf: up to 16 buckets by the next half byte. */
export interface SplitNode extends Bucket {
  type: 'split';
  plane: Plane;
  weight: number;
  buckets: { half: number; id: NodeId; weight: number }[];
}

export interface MetaNode {
  type: 'meta';
  meta: Meta;
}

export type TreeNode = LeafNode | SplitNode | MetaNode;

/** A node as it is stored and sent. */
export interface EncodedNode {
  id: NodeId;
  data: Buffer;
}

export const ID_BYTES = 32;

/**
 * What a leaf may weigh; a heavier directory is split. About 200 entries with names of 15 bytes: small enough that one
 * changed file sends little, large enough that an ordinary directory is one row.
 */
export const MAX_LEAF_WEIGHT = 16 * 1024;

/** Entry weight apart from its names: about its share of a node. Part of the format, since it decides about splits. */
const ENTRY_WEIGHT = 64;

/** More than any node can have: leaves stay below 32 KiB, meta objects are limited by their attributes. */
export const MAX_NODE_BYTES = 64 * 1024;

const MAX_DEPTH = 64;
const MAX_WEIGHT = 2 ** 40;
const FAN_OUT = 16;
const TYPES = { leaf: 1, split: 2, meta: 3 } as const;
const PLANES = { software: 1, config: 2 } as const;
const NO_PLANE = 0;
const DOMAIN = Buffer.from('tidemark.node.v1\0');

/** SHA-256 over the domain tag and the canonical bytes, which begin with the node's type and its plane. */
export const nodeId = (data: Uint8Array): NodeId => sha256(DOMAIN, data);

/** A key for maps: 32 one-byte characters. Not for people: they see hex. */
export const nodeKey = (id: Uint8Array): string =>
  Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1');

export const nodeIdOfKey = (key: string): NodeId => Buffer.from(key, 'latin1');

export const entryWeight = (entry: Entry): number =>
  ENTRY_WEIGHT + entry.name.length + (entry.kind === 'symlink' ? entry.target.length : 0);

export const leafWeight = (entries: readonly Entry[]): number =>
  entries.reduce((sum, entry) => sum + entryWeight(entry), 0);

/** The half byte that chooses the bucket below one of `depth`. */
export function halfByte(nameHash: Uint8Array, depth: number): number {
  const byte = present(nameHash[depth >> 1], 'byte of a hash');
  return depth % 2 === 0 ? byte >> 4 : byte & 0x0f;
}

export const nameHash = (name: Uint8Array): Buffer => sha256(name);

export const WHOLE_DIRECTORY: Bucket = { depth: 0, prefix: Buffer.alloc(0) };

/** The bucket below `bucket` that holds the names whose next half byte is `half`. */
export function bucketBelow(bucket: Bucket, half: number): Bucket {
  const prefix = Buffer.alloc((bucket.depth + 2) >> 1);
  bucket.prefix.copy(prefix);
  const last = prefix.length - 1;
  prefix[last] = (prefix[last] ?? 0) | (bucket.depth % 2 === 0 ? half << 4 : half);
  return { depth: bucket.depth + 1, prefix };
}

/** The one encoding of a node. Takes only what {@link decodeNode} gives: entries sorted, weights right. */
export function encodeNode(node: TreeNode): EncodedNode {
  const writer = new ByteWriter();
  if (node.type === 'meta') {
    writeMeta(writer.byte(TYPES.meta).byte(NO_PLANE), node.meta);
  } else {
    writer.byte(TYPES[node.type]).byte(PLANES[node.plane]).byte(node.depth).raw(node.prefix).varint(node.weight);
    if (node.type === 'leaf') writeEntries(writer, node.entries);
    else writeBuckets(writer, node.buckets);
  }
  const data = writer.finish();
  assert(data.length <= MAX_NODE_BYTES, `a node of ${data.length} bytes`);
  return { id: nodeId(data), data };
}

/** Refuses, with a sentence, whatever {@link encodeNode} would not have made. For bytes that others made. */
export function decodeNode(data: Uint8Array): Result<TreeNode, string> {
  if (data.length > MAX_NODE_BYTES) return err(`${data.length} bytes, more than the ${MAX_NODE_BYTES} of a node`);
  try {
    return ok(readNode(new ByteReader(data)));
  } catch (error) {
    if (error instanceof NotCanonical) return err(error.message);
    throw error;
  }
}

/** What the first bytes of a node say, for checks that need not read all of it. */
export type NodeHead = ({ type: 'leaf' | 'split'; plane: Plane; weight: number } & Bucket) | { type: 'meta' };

/** A head is never longer: type, plane, depth, 32 bytes of prefix, a weight. */
export const MAX_HEAD_BYTES = 3 + MAX_DEPTH / 2 + 8;

/** The head of a node that has been decoded before: `data` may be cut off after {@link MAX_HEAD_BYTES}. */
export const readHead = (data: Uint8Array): NodeHead => readHeadFrom(new ByteReader(data));

/** Ids of the nodes that this one names: directories, buckets and meta objects, each once. */
export function childrenOf(node: TreeNode): { id: NodeId; expected: Expected }[] {
  if (node.type === 'meta') return [];
  if (node.type === 'split') {
    return node.buckets.map(({ half, id, weight }) => ({
      id,
      expected: { type: 'directory', plane: node.plane, ...bucketBelow(node, half), weight },
    }));
  }
  const children = new Map<string, { id: NodeId; expected: Expected }>();
  for (const entry of node.entries) {
    if (entry.meta) children.set(`m${nodeKey(entry.meta)}`, { id: entry.meta, expected: { type: 'meta' } });
    if (entry.kind === 'directory') {
      children.set(`d${nodeKey(entry.node)}`, { id: entry.node, expected: directoryOf(node.plane) });
    }
  }
  return [...children.values()];
}

/** What a parent says about a child; `weight` is null where it says nothing. */
export type Expected = { type: 'meta' } | ({ type: 'directory'; plane: Plane; weight: number | null } & Bucket);

export const directoryOf = (plane: Plane): Extract<Expected, { type: 'directory' }> => ({
  type: 'directory',
  plane,
  weight: null,
  ...WHOLE_DIRECTORY,
});

/** Whether a node can stand where its parent puts it. */
export function fits(head: NodeHead, expected: Expected): boolean {
  if (head.type === 'meta' || expected.type === 'meta') return head.type === expected.type;
  return (
    head.plane === expected.plane &&
    head.depth === expected.depth &&
    head.prefix.equals(expected.prefix) &&
    (expected.weight === null || head.weight === expected.weight)
  );
}

function readNode(reader: ByteReader): TreeNode {
  const at = readHeadFrom(reader);
  if (at.type === 'meta') {
    const meta = readMeta(reader);
    reader.end();
    return { type: 'meta', meta };
  }
  const node =
    at.type === 'leaf'
      ? { ...at, type: 'leaf' as const, entries: readEntries(reader) }
      : { ...at, type: 'split' as const, buckets: readBuckets(reader) };
  reader.end();
  if (node.type === 'leaf') checkLeaf(node);
  else checkSplit(node);
  return node;
}

export function readHeadFrom(reader: ByteReader): NodeHead {
  const type = reader.byte('the type');
  const plane = reader.byte('the plane');
  if (type === TYPES.meta) {
    if (plane !== NO_PLANE) throw new NotCanonical('a meta object has no plane');
    return { type: 'meta' };
  }
  if (type !== TYPES.leaf && type !== TYPES.split) throw new NotCanonical(`there is no node type ${type}`);
  if (plane !== PLANES.software && plane !== PLANES.config) throw new NotCanonical(`there is no plane ${plane}`);
  const depth = reader.byte('the depth');
  if (depth > MAX_DEPTH) throw new NotCanonical(`a hash has no ${depth} half bytes`);
  const prefix = reader.raw((depth + 1) >> 1, 'the prefix');
  if (depth % 2 === 1 && (present(prefix.at(-1), 'prefix') & 0x0f) !== 0) {
    throw new NotCanonical('the prefix is longer than its depth');
  }
  return {
    type: type === TYPES.leaf ? 'leaf' : 'split',
    plane: plane === PLANES.software ? 'software' : 'config',
    depth,
    prefix,
    weight: reader.varint('the weight', MAX_WEIGHT),
  };
}

function checkLeaf(node: LeafNode): void {
  const weight = leafWeight(node.entries);
  if (weight !== node.weight) throw new NotCanonical(`a leaf of weight ${weight} says ${node.weight}`);
  if (weight > MAX_LEAF_WEIGHT) throw new NotCanonical(`a leaf of weight ${weight} is not split`);
  if (node.depth === 0) return;
  if (node.entries.length === 0) throw new NotCanonical('a bucket is empty');
  for (const { name } of node.entries) {
    if (!inBucket(nameHash(name), node)) throw new NotCanonical('a name is in the wrong bucket');
  }
}

function inBucket(hash: Buffer, { depth, prefix }: Bucket): boolean {
  for (let at = 0; at < depth; at++) if (halfByte(hash, at) !== halfByte(prefix, at)) return false;
  return true;
}

function checkSplit(node: SplitNode): void {
  const weight = node.buckets.reduce((sum, bucket) => sum + bucket.weight, 0);
  if (weight !== node.weight) throw new NotCanonical(`buckets of weight ${weight} below one that says ${node.weight}`);
  if (weight <= MAX_LEAF_WEIGHT) throw new NotCanonical(`a directory of weight ${weight} is split`);
  if (node.depth === MAX_DEPTH) throw new NotCanonical('a hash has no more half bytes to split by');
}

function writeBuckets(writer: ByteWriter, buckets: SplitNode['buckets']): void {
  const map = buckets.reduce((bits, { half }) => bits | (1 << half), 0);
  writer.byte(map >> 8).byte(map & 0xff);
  for (const { id, weight } of buckets) writer.raw(id).varint(weight);
}

function readBuckets(reader: ByteReader): SplitNode['buckets'] {
  const map = (reader.byte('the buckets') << 8) | reader.byte('the buckets');
  const buckets: SplitNode['buckets'] = [];
  for (let half = 0; half < FAN_OUT; half++) {
    if ((map & (1 << half)) === 0) continue;
    const id = reader.raw(ID_BYTES, 'the id of a bucket');
    const weight = reader.varint('the weight of a bucket', MAX_WEIGHT);
    if (weight === 0) throw new NotCanonical('a bucket weighs nothing');
    buckets.push({ half, id, weight });
  }
  return buckets;
}
