import { Buffer } from 'node:buffer';
import { type Entry, isPassage, type NodeId } from './entry.ts';
import {
  bucketsOf,
  createGuard,
  type LoadedSide,
  loadSides,
  type NodeLoader,
  type Side,
  storedDirectory,
} from './load.ts';
import { halfByte, nameHash } from './node.ts';
import { joinPath, namesOf } from './path.ts';
import type { Plane } from './profile.ts';

/** An entry and where it is. */
export interface PlacedEntry {
  path: Buffer;
  entry: Entry;
}

/** Directories that are read at once: bounds what is in memory, whatever the tree. */
const FRONT = 1_000;

/**
 * Lists a tree, or what is below one path of it, passages left out. Directories come before what is in them; apart from
 * that in no order. A path that is not there, or is no directory, has nothing below it.
 */
export async function* walkTree(
  plane: Plane,
  root: NodeId,
  load: NodeLoader,
  under?: Buffer,
): AsyncGenerator<PlacedEntry> {
  const start = under ? await directoryAt(plane, root, load, under) : storedDirectory(plane, root);
  if (!start) return;
  const guard = createGuard();
  // The last in goes first, so that what waits is at most some directories a level.
  const waiting = [{ side: start, path: under ? normalised(under) : Buffer.alloc(0), depth: 0 }];
  while (waiting.length > 0) {
    const front = waiting.splice(Math.max(0, waiting.length - FRONT));
    const loaded = await loadSides(
      front.map(({ side }) => side),
      load,
    );
    for (const { side, path, depth } of front) {
      guard.depth(depth);
      const node = loaded(side, path);
      if (node.type === 'split') {
        for (const bucket of bucketsOf(node).values()) waiting.push({ side: bucket, path, depth });
        continue;
      }
      guard.entries(node.entries.length);
      for (const entry of node.entries) {
        const at = joinPath(path, entry.name);
        if (!isPassage(entry)) yield { path: at, entry };
        if (entry.kind === 'directory') {
          waiting.push({ side: storedDirectory(plane, entry.node), path: at, depth: depth + 1 });
        }
      }
    }
  }
}

/** The entry at one path: loads a node a level. Null where there is none, or only a passage. */
export async function findEntry(plane: Plane, root: NodeId, load: NodeLoader, path: Buffer): Promise<Entry | null> {
  const entry = await entryAt(plane, root, load, path);
  return entry && !isPassage(entry) ? entry : null;
}

async function directoryAt(plane: Plane, root: NodeId, load: NodeLoader, path: Buffer): Promise<Side | null> {
  const entry = await entryAt(plane, root, load, path);
  return entry?.kind === 'directory' ? storedDirectory(plane, entry.node) : null;
}

async function entryAt(plane: Plane, root: NodeId, load: NodeLoader, path: Buffer): Promise<Entry | null> {
  let side: Side = storedDirectory(plane, root);
  let entry: Entry | null = null;
  let at: Buffer = Buffer.alloc(0);
  for (const name of [Buffer.from('/'), ...namesOf(path)]) {
    if (entry) {
      if (entry.kind !== 'directory') return null;
      side = storedDirectory(plane, entry.node);
    }
    entry = await entryNamed(side, name, load, at);
    if (!entry) return null;
    at = joinPath(at, name);
  }
  return entry;
}

async function entryNamed(side: Side, name: Buffer, load: NodeLoader, path: Buffer): Promise<Entry | null> {
  const hash = nameHash(name);
  let at: Side | undefined = side;
  while (at) {
    const node: LoadedSide = (await loadSides([at], load))(at, path);
    if (node.type === 'leaf') return node.entries.find(entry => entry.name.equals(name)) ?? null;
    at = bucketsOf(node).get(halfByte(hash, node.depth));
  }
  return null;
}

const normalised = (path: Buffer): Buffer => namesOf(path).reduce((at, name) => joinPath(at, name), Buffer.from('/'));
