import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildInMemory, fileAt, flatEntries, linkAt, META_PROGRAM, memoryLoader } from '../testing/trees.ts';
import type { FlatEntry } from './build.ts';
import { diffTrees, listChanges } from './diff.ts';
import { TreeDamaged } from './load.ts';
import { decodeNode, nodeIdOfKey, nodeKey } from './node.ts';
import { PLANES } from './profile.ts';
import { findEntry, walkTree } from './walk.ts';

const pathKey = (path: Buffer) => path.toString('latin1');
const runs = { numRuns: 150 };

/** What a plane of a flat list is, for comparing: content and meta apart. */
function flatOf(entries: readonly FlatEntry[], plane: string): Map<string, { content: string; meta: string }> {
  return new Map(
    entries
      .filter(entry => entry.plane === plane)
      .map(({ path, content }) => {
        const { meta, ...rest } = content;
        const runs = content.kind === 'file' && content.executable;
        const text = JSON.stringify({ ...rest, executable: undefined });
        return [pathKey(path), { content: text, meta: `${meta?.toString('hex')} ${runs}` }];
      }),
  );
}

function diffFlat(before: readonly FlatEntry[], after: readonly FlatEntry[], plane: string): string[] {
  const a = flatOf(before, plane);
  const b = flatOf(after, plane);
  return [...new Set([...a.keys(), ...b.keys()])]
    .flatMap(path => {
      const from = a.get(path);
      const to = b.get(path);
      if (!from) return [`added ${path}`];
      if (!to) return [`removed ${path}`];
      if (from.content !== to.content) return [`changed ${path}`];
      return from.meta === to.meta ? [] : [`meta-changed ${path}`];
    })
    .sort();
}

describe('a tree', () => {
  it('has one root for one set of entries, in whatever order they come', () =>
    fc.assert(
      fc.property(
        flatEntries.chain(entries =>
          fc.tuple(fc.constant(entries), fc.shuffledSubarray(entries, { minLength: entries.length })),
        ),
        ([entries, shuffled]) => {
          expect(buildInMemory(shuffled).roots).toEqual(buildInMemory(entries).roots);
        },
      ),
      runs,
    ));

  it('lists the entries that it was built from', () =>
    fc.assert(
      fc.asyncProperty(flatEntries, async entries => {
        const tree = buildInMemory(entries);
        for (const plane of PLANES) {
          const seen: string[] = [];
          for await (const { path, entry } of walkTree(plane, tree.roots[plane], memoryLoader(tree).load)) {
            seen.push(`${pathKey(path)} ${entry.kind}`);
          }
          const listed = entries.filter(entry => entry.plane === plane);
          expect(seen.sort()).toEqual(listed.map(({ path, content }) => `${pathKey(path)} ${content.kind}`).sort());
        }
      }),
      runs,
    ));

  it('differs from another exactly where their flat lists differ', () =>
    fc.assert(
      fc.asyncProperty(flatEntries, flatEntries, async (before, after) => {
        const a = buildInMemory(before);
        const b = buildInMemory(after);
        for (const plane of PLANES) {
          const changes = await listChanges(plane, a.roots[plane], b.roots[plane], memoryLoader(a, b).load);
          const found = changes.map(({ change, path }) => `${change} ${pathKey(path)}`).sort();
          expect(found).toEqual(diffFlat(before, after, plane));
        }
      }),
      runs,
    ));

  it('consists of nodes that read back to the same bytes', () =>
    fc.assert(
      fc.property(flatEntries, entries => {
        for (const { id, data } of buildInMemory(entries).nodes.values()) {
          const node = decodeNode(data);
          expect(node.ok, node.ok ? '' : node.error).toBe(true);
          expect(nodeKey(nodeIdOfKey(nodeKey(id)))).toBe(nodeKey(id));
        }
      }),
      runs,
    ));
});

/** A server of 12,000 files: 20 directories of 30 with 20 files each. */
const server = (change = '') =>
  Array.from({ length: 12_000 }, (_, index) => {
    const path = `/opt/p${index % 20}/d${Math.floor(index / 20) % 30}/f${index}`;
    return fileAt(path, index === 4_711 ? change : `${index}`);
  });

describe('comparing', () => {
  it('loads a node a level and side where one file of 12,000 differs', async () => {
    const [a, b] = [buildInMemory(server()), buildInMemory(server('changed'))];
    const { load, loaded } = memoryLoader(a, b);
    const changes = await listChanges('software', a.roots.software, b.roots.software, load);
    expect(changes.map(({ change }) => change)).toEqual(['changed']);
    // root, /, opt, p, d
    expect(loaded()).toBe(2 * 5);
  });

  it('loads a node a level and side where one file of a directory of 20,000 differs', async () => {
    const crowd = (text: string) =>
      Array.from({ length: 20_000 }, (_, index) => fileAt(`/f${index}`, index === 7 ? text : ''));
    const [a, b] = [buildInMemory(crowd('')), buildInMemory(crowd('changed'))];
    const { load, loaded } = memoryLoader(a, b);
    expect(await listChanges('software', a.roots.software, b.roots.software, load)).toHaveLength(1);
    // root, / and its buckets below each other
    expect(loaded()).toBeLessThanOrEqual(2 * 5);
  });

  it('loads nothing where the roots are the same', async () => {
    const tree = buildInMemory(server());
    const { load, loaded } = memoryLoader(tree);
    expect(await listChanges('software', tree.roots.software, tree.roots.software, load)).toEqual([]);
    expect(loaded()).toBe(0);
  });

  it('tells a link by its target and a mode by itself', async () => {
    const program = fileAt('/opt/x/run', 'a');
    const a = buildInMemory([linkAt('/opt/current', 'releases/1'), program]);
    const b = buildInMemory([
      linkAt('/opt/current', 'releases/2'),
      { ...program, content: { ...program.content, meta: META_PROGRAM.id } as FlatEntry['content'] },
    ]);
    const changes = await listChanges('software', a.roots.software, b.roots.software, memoryLoader(a, b).load);
    expect(changes.map(({ change, path }) => `${change} ${path}`)).toEqual([
      'changed /opt/current',
      'meta-changed /opt/x/run',
    ]);
  });

  it('finds one entry by loading a node a level', async () => {
    const tree = buildInMemory(server());
    const { load, loaded } = memoryLoader(tree);
    const found = await findEntry('software', tree.roots.software, load, Buffer.from('/opt/p3/d0/f3'));
    expect(found?.kind).toBe('file');
    expect(loaded()).toBe(5);
    expect(await findEntry('software', tree.roots.software, load, Buffer.from('/opt/p3/nothing'))).toBeNull();
    expect(await findEntry('software', tree.roots.software, load, Buffer.from('/opt/p3'))).toBeNull();
  });

  it('lists what is below one path and nothing else', async () => {
    const tree = buildInMemory([fileAt('/a/b/c', ''), fileAt('/a/bc', ''), fileAt('/b', '')]);
    const seen: string[] = [];
    for await (const { path } of walkTree(
      'software',
      tree.roots.software,
      memoryLoader(tree).load,
      Buffer.from('/a/b/'),
    )) {
      seen.push(`${path}`);
    }
    expect(seen).toEqual(['/a/b/c']);
  });
});

describe('a damaged store', () => {
  const changesOf = async (spoil: (nodes: Map<string, { id: Buffer; data: Buffer }>, key: string) => void) => {
    const [a, b] = [buildInMemory(server()), buildInMemory(server('changed'))];
    spoil(b.nodes, nodeKey(b.roots.software));
    const found: string[] = [];
    for await (const { change } of diffTrees('software', a.roots.software, b.roots.software, memoryLoader(a, b).load)) {
      found.push(change);
    }
    return found;
  };

  it('is found where a node is missing', async () => {
    await expect(changesOf((nodes, key) => nodes.delete(key))).rejects.toThrow(TreeDamaged);
  });

  it('is found where a byte of a node was changed', async () => {
    const flip = (nodes: Map<string, { id: Buffer; data: Buffer }>, key: string) => {
      const node = nodes.get(key);
      if (!node) return;
      const data = Buffer.from(node.data);
      data[data.length - 1] = (data.at(-1) ?? 0) ^ 1;
      nodes.set(key, { id: node.id, data });
    };
    await expect(changesOf(flip)).rejects.toThrow('was altered in the store');
  });

  it('is found where the tree of one plane is taken for that of the other', async () => {
    const tree = buildInMemory(server());
    const listing = listChanges('config', tree.roots.config, tree.roots.software, memoryLoader(tree).load);
    await expect(listing).rejects.toThrow('cannot stand');
  });
});
