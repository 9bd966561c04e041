import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { sha256 } from '../base/digest.ts';
import { buildTrees, type FlatEntry } from '../fingerprint/build.ts';
import type { NodeId } from '../fingerprint/entry.ts';
import type { NodeLoader } from '../fingerprint/load.ts';
import { type EncodedNode, encodeNode, nodeKey } from '../fingerprint/node.ts';
import type { Plane } from '../fingerprint/profile.ts';

/* Trees of all shapes for tests. No product code imports this. */

export const metaNode = (mode: number, owner = 'root'): EncodedNode =>
  encodeNode({ type: 'meta', meta: { mode, owner, group: 'root', attributes: new Map() } });

export const META_FILE = metaNode(0o644);
export const META_PROGRAM = metaNode(0o755);
const METAS = [META_FILE, META_PROGRAM, metaNode(0o600, 'app')];

/** A file whose content is the given text. */
export const fileAt = (
  path: string,
  content: string,
  change: { executable?: boolean; plane?: Plane } = {},
): FlatEntry => ({
  path: Buffer.from(path),
  plane: change.plane ?? 'software',
  content: {
    kind: 'file',
    executable: change.executable ?? false,
    keyed: false,
    size: content.length,
    digest: sha256(Buffer.from(content)),
    normalised: null,
    meta: change.executable ? META_PROGRAM.id : META_FILE.id,
  },
});

export const linkAt = (path: string, target: string): FlatEntry => ({
  path: Buffer.from(path),
  plane: 'software',
  content: { kind: 'symlink', target: Buffer.from(target), meta: META_FILE.id },
});

export interface BuiltTrees {
  roots: Record<Plane, NodeId>;
  nodes: Map<string, EncodedNode>;
}

/** Builds a list, and keeps the nodes. */
export function buildInMemory(entries: Iterable<FlatEntry>): BuiltTrees {
  const nodes = new Map<string, EncodedNode>(METAS.map(meta => [nodeKey(meta.id), meta]));
  const roots = buildTrees(entries, node => nodes.set(nodeKey(node.id), node));
  return { roots, nodes };
}

/** Loads from any of the trees, and counts what was loaded. */
export function memoryLoader(...trees: BuiltTrees[]): { load: NodeLoader; loaded: () => number } {
  let count = 0;
  return {
    loaded: () => count,
    load: async ids => {
      const found = new Map<string, Uint8Array>();
      for (const id of ids) {
        const key = nodeKey(id);
        const node = trees.map(({ nodes }) => nodes.get(key)).find(Boolean);
        if (node) found.set(key, node.data);
        count += 1;
      }
      return found;
    },
  };
}

const digest = fc.nat(5).map(seed => sha256(Buffer.from([seed])));
const meta = fc.constantFrom(...METAS.map(({ id }) => id));

const leafContent: fc.Arbitrary<FlatEntry['content']> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('file' as const),
      executable: fc.boolean(),
      keyed: fc.boolean(),
      size: fc.oneof(fc.nat(300), fc.maxSafeNat()),
      digest,
      normalised: fc.option(digest),
      meta,
    }),
  },
  fc.record({ kind: fc.constant('symlink' as const), target: bytes(0, 40), meta }),
  fc.record({
    kind: fc.constant('device' as const),
    type: fc.constantFrom('block' as const, 'character' as const),
    number: fc.maxSafeNat(),
    meta,
  }),
  fc.record({ kind: fc.constantFrom('fifo' as const, 'socket' as const, 'unstable' as const), meta }),
  fc.record({
    kind: fc.constant('unreadable' as const),
    of: fc.constantFrom('unknown' as const, 'file' as const, 'directory' as const, 'symlink' as const),
    reason: fc.constantFrom('permission' as const, 'io' as const, 'name-too-long' as const, 'other' as const),
    meta: fc.option(meta),
  }),
  fc.record({
    kind: fc.constant('skipped' as const),
    reason: fc.constantFrom('rule' as const, 'other-file-system' as const, 'limit' as const, 'no-key' as const),
    meta: fc.constant(null),
  }),
);

function bytes(minLength: number, maxLength: number): fc.Arbitrary<Buffer> {
  return fc.uint8Array({ minLength, maxLength }).map(array => Buffer.from(array));
}

/** Few names, so that two lists meet; some that are not UTF-8, hold a newline, or are long. */
const name = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'bin', 'current', 'lib.so').map(text => Buffer.from(text)) },
  { weight: 1, arbitrary: fc.constantFrom(Buffer.from([0xff]), Buffer.from('x\ny'), Buffer.alloc(200, 'n')) },
);

/** Enough entries for a directory to be split, and that again. */
const crowd = fc
  .tuple(fc.array(name, { maxLength: 2 }), fc.integer({ min: 100, max: 700 }), fc.nat(3))
  .map(([path, count, seed]) =>
    Array.from({ length: count }, (_, index) =>
      fileAt(['', ...path, 'many', `file-${index * (seed + 1)}`].join('/'), `${seed}`),
    ),
  );

const scattered = fc.array(
  fc.record({
    path: fc
      .array(name, { minLength: 1, maxLength: 4 })
      .map(names => Buffer.concat(names.flatMap(part => [SLASH, part]))),
    plane: fc.constantFrom('software' as const, 'config' as const),
    content: fc.oneof(
      { weight: 4, arbitrary: leafContent },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('directory' as const), meta }) },
    ),
  }),
  { maxLength: 40 },
);

const SLASH = Buffer.from('/');

/** A list that a scan could have made: each path once a plane, and nothing below what is no directory. */
export const flatEntries: fc.Arbitrary<FlatEntry[]> = fc
  .tuple(scattered, fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: crowd }))
  .map(([few, many]) => possible([...few, ...many]));

export function possible(entries: readonly FlatEntry[]): FlatEntry[] {
  const taken = new Map<string, boolean>();
  return entries.filter(({ path, plane, content }) => {
    const key = `${plane}:${path.toString('latin1')}`;
    const isBelowFile = [...taken].some(([other, isDirectory]) => !isDirectory && key.startsWith(`${other}/`));
    const holdsOthers = content.kind !== 'directory' && [...taken.keys()].some(other => other.startsWith(`${key}/`));
    if (taken.has(key) || isBelowFile || holdsOthers) return false;
    taken.set(key, content.kind === 'directory');
    return true;
  });
}
