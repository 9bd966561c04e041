import { Buffer } from 'node:buffer';
import { sha256 } from '@tidemark/shared/base/digest.ts';
import { emptyCoverage } from '@tidemark/shared/fingerprint/counting.ts';
import { coverageText } from '@tidemark/shared/fingerprint/coverage.ts';
import type { NodeId } from '@tidemark/shared/fingerprint/entry.ts';
import {
  type EncodedNode,
  encodeNode,
  type LeafNode,
  leafWeight,
  MAX_HEAD_BYTES,
  nodeId,
  nodeKey,
} from '@tidemark/shared/fingerprint/node.ts';
import { profileBytes, profileDigest, type ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { walkTree } from '@tidemark/shared/fingerprint/walk.ts';
import type { Roots } from '@tidemark/shared/protocol/gen/tidemark/v1/fingerprint.ts';
import { type BuiltTrees, buildInMemory, flatEntries, META_FILE } from '@tidemark/shared/testing/trees.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { UploadStore } from './ports.ts';
import type { NewFingerprint } from './records.ts';
import { coverageDigest, createUpload } from './upload.ts';

const PROFILE: ScanProfile = {
  name: 'test',
  version: 1,
  roots: [{ path: '/', plane: 'software' }],
  ignore: [],
  expect: [],
};

/** The store in memory: what the database does, in a few lines. */
function memoryStore() {
  const nodes = new Map<string, Buffer>();
  const unfinished = new Set<string>();
  const committed = new Map<string, NewFingerprint>();
  const store: UploadStore = {
    known: async ids =>
      new Map(
        ids.flatMap(id => {
          const data = nodes.get(nodeKey(id));
          if (!data) return [];
          const isOpen = unfinished.has(nodeKey(id));
          return [[nodeKey(id), { head: data.subarray(0, MAX_HEAD_BYTES), unfinished: isOpen ? data : null }]];
        }),
      ),
    knownTexts: async (_hostId, { profileDigest: digest, coverageDigest: wanted }) => {
      const known = [...committed.values()].filter(({ profileDigest: own }) => own === digest);
      const coverage = known.at(-1)?.coverage ?? null;
      return {
        profile: known[0]?.profile ?? null,
        coverage: coverage && coverageDigest(coverage) === wanted ? coverage : null,
      };
    },
    addNodes: async added => {
      for (const { id, data } of added) {
        if (nodes.has(nodeKey(id))) continue;
        nodes.set(nodeKey(id), data);
        unfinished.add(nodeKey(id));
      }
    },
    commit: async (fingerprint, { finished }) => {
      for (const id of finished) unfinished.delete(nodeKey(id));
      const isKnown = committed.has(fingerprint.scan);
      committed.set(fingerprint.scan, fingerprint);
      return isKnown ? 'already-known' : 'committed';
    },
  };
  return { store, nodes, unfinished, committed };
}

const rootsOf = (tree: BuiltTrees, scan: string, change: Partial<Roots> = {}): Roots => ({
  scan,
  profileDigest: Buffer.from(profileDigest(PROFILE).slice('sha256:'.length), 'hex'),
  profile: profileBytes(PROFILE),
  softwareRoot: tree.roots.software,
  configRoot: tree.roots.config,
  startedMs: 1,
  finishedMs: 2,
  coverage: JSON.stringify(emptyCoverage()),
  coverageDigest: sha256(Buffer.from(JSON.stringify(emptyCoverage()))),
  ...change,
});

/** An agent that sends what is wanted, some nodes at a time, and goes away after `patience` batches. */
async function send(store: UploadStore, tree: BuiltTrees, scan: string, patience = Number.POSITIVE_INFINITY) {
  const upload = createUpload(store, 'host');
  let wanted: NodeId[] | null = unwrap(await upload.roots(rootsOf(tree, scan))).ids;
  const queue: EncodedNode[] = [];
  let sent = 0;
  for (let batches = 0; ; batches++) {
    for (const id of wanted ?? []) queue.push(nodeOf(tree, id));
    if (queue.length === 0) break;
    if (batches >= patience) return { sent, isCommitted: false };
    const batch = queue.splice(0, 7);
    sent += batch.length;
    wanted = unwrap(await upload.nodes(batch));
  }
  unwrap(await upload.commit());
  return { sent, isCommitted: true };
}

const unwrap = <T>(result: { ok: true; value: T } | { ok: false; error: { message: string } }): T => {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
};

function nodeOf(tree: BuiltTrees, id: NodeId): EncodedNode {
  const node = tree.nodes.get(nodeKey(id));
  if (!node) throw new Error('the controller wants a node that the tree does not have');
  return node;
}

describe('uploads', () => {
  it('leave every committed tree whole, in whatever order hosts come and wherever they break off', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(flatEntries, fc.option(fc.nat(4), { freq: 2 })), { minLength: 1, maxLength: 5 }),
        async scans => {
          const memory = memoryStore();
          for (const [index, [entries, patience]] of scans.entries()) {
            await send(memory.store, buildInMemory(entries), `scan-${index}`, patience ?? undefined);
          }
          // One that comes again after all others, as after a broken connection.
          const [entries] = scans[0] ?? [[]];
          await send(memory.store, buildInMemory(entries), 'scan-again');
          for (const { softwareRoot, configRoot } of memory.committed.values()) {
            for (const [plane, root] of [
              ['software', softwareRoot],
              ['config', configRoot],
            ] as const) {
              for await (const { entry } of walkTree(plane, root, async () => memory.nodes)) {
                if (entry.meta) expect(memory.nodes.has(nodeKey(entry.meta))).toBe(true);
              }
            }
          }
        },
      ),
      { numRuns: 60 },
    ));

  it('send each node once for the whole fleet', () =>
    fc.assert(
      fc.asyncProperty(flatEntries, async entries => {
        const memory = memoryStore();
        const tree = buildInMemory(entries);
        await send(memory.store, tree, 'first');
        expect(memory.unfinished.size).toBe(0);
        expect(await send(memory.store, tree, 'second')).toEqual({ sent: 0, isCommitted: true });
      }),
      { numRuns: 40 },
    ));

  it('go on after a break without sending again what has arrived', async () => {
    const memory = memoryStore();
    const tree = buildInMemory(manyFiles());
    const first = await send(memory.store, tree, 'a', 3);
    expect(first.isCommitted).toBe(false);
    const reachable = (await send(memoryStore().store, tree, 'a')).sent;
    expect(await send(memory.store, tree, 'a')).toEqual({ sent: reachable - first.sent, isCommitted: true });
  });
});

const manyFiles = () => {
  const entries = fc.sample(flatEntries, { seed: 1, numRuns: 50 });
  return entries.toSorted((a, b) => b.length - a.length)[0] ?? [];
};

describe('profile and coverage', () => {
  const tree = buildInMemory([]);
  const coverage = coverageText(emptyCoverage());
  const byDigest = (scan: string): Roots =>
    rootsOf(tree, scan, {
      profile: Buffer.alloc(0),
      coverage: '',
      coverageDigest: sha256(Buffer.from(coverage)),
    });
  const texts = { profile: profileBytes(PROFILE), coverage };

  it('are wanted once, and then known by their digests', async () => {
    const { store } = memoryStore();
    for (const [scan, isKnown] of [
      ['first', false],
      ['second', true],
    ] as const) {
      const upload = createUpload(store, 'host');
      const wanted = unwrap(await upload.roots(byDigest(scan)));
      expect({ profile: wanted.profile, coverage: wanted.coverage }).toEqual({ profile: !isKnown, coverage: !isKnown });
      const ids = isKnown ? wanted.ids : unwrap(await upload.texts(texts));
      if (ids.length > 0) unwrap(await upload.nodes(ids.map(id => nodeOf(tree, id))));
      unwrap(await upload.commit());
    }
  });

  it.each([
    ['another profile', { ...texts, profile: profileBytes({ ...PROFILE, version: 2 }) }],
    ['another coverage', { ...texts, coverage: coverageText({ ...emptyCoverage(), files: 1 }) }],
    ['less than was asked for', { ...texts, coverage: '' }],
  ])('that are %s are refused, and nothing can be committed', async (_what, sent) => {
    const upload = createUpload(memoryStore().store, 'host');
    unwrap(await upload.roots(byDigest('scan')));
    expect(await upload.texts(sent)).toMatchObject({ ok: false, error: { code: 'scan-invalid' } });
    expect(await upload.commit()).toMatchObject({ ok: false, error: { code: 'out-of-turn' } });
  });
});

describe('roots are refused', () => {
  const tree = buildInMemory([]);
  it.each([
    ['a name with a slash', { scan: '../x' }],
    ['no name', { scan: '' }],
    ['a root that is too short', { softwareRoot: Buffer.alloc(31) }],
    ['a profile that is no JSON', { profile: Buffer.from('{') }],
    ['a profile in another order of keys', { profile: Buffer.from(JSON.stringify(PROFILE)) }],
    ['a digest of another profile', { profileDigest: Buffer.alloc(32) }],
    ['a coverage that is none', { coverage: '{"files":-1}' }],
    ['a coverage without end', { coverage: ' '.repeat(2 * 1024 * 1024) }],
    ['a time that no clock has', { finishedMs: 9e15 }],
  ])('with %s', async (_, change) => {
    const { store } = memoryStore();
    expect(await createUpload(store, 'host').roots(rootsOf(tree, 'scan', change))).toMatchObject({
      ok: false,
      error: { code: 'scan-invalid' },
    });
  });

  it('a second time', async () => {
    const upload = createUpload(memoryStore().store, 'host');
    await upload.roots(rootsOf(tree, 'scan'));
    expect(await upload.roots(rootsOf(tree, 'scan'))).toMatchObject({ ok: false, error: { code: 'out-of-turn' } });
  });
});

describe('nodes are refused', () => {
  const leaf = (entries: LeafNode['entries']) =>
    encodeNode({
      ...{ type: 'leaf', plane: 'software', depth: 0, prefix: Buffer.alloc(0), entries },
      weight: leafWeight(entries),
    });

  it('where one stands for a directory and for a mode at once', async () => {
    const { store } = memoryStore();
    const inner = leaf([]);
    const root = leaf([{ name: Buffer.from('/'), kind: 'directory', node: inner.id, meta: inner.id }]);
    const upload = createUpload(store, 'host');
    const config = buildInMemory([]).roots.config;
    await upload.roots(rootsOf(buildInMemory([]), 'scan', { softwareRoot: root.id, configRoot: config }));
    expect(await upload.nodes([root])).toMatchObject({ ok: false, error: { code: 'node-misplaced' } });
  });

  it('where a stored node of another kind is named', async () => {
    const { store, unfinished } = memoryStore();
    await store.addNodes([META_FILE]);
    unfinished.clear();
    const upload = createUpload(store, 'host');
    const refused = await upload.roots(rootsOf(buildInMemory([]), 'scan', { softwareRoot: META_FILE.id }));
    expect(refused).toMatchObject({ ok: false, error: { code: 'node-misplaced' } });
  });

  it('where they are not canonical', async () => {
    const data = Buffer.concat([leaf([]).data, Buffer.alloc(1)]);
    const upload = createUpload(memoryStore().store, 'host');
    await upload.roots(rootsOf(buildInMemory([]), 'scan', { softwareRoot: nodeId(data) }));
    expect(await upload.nodes([{ id: nodeId(data), data }])).toMatchObject({
      ok: false,
      error: { code: 'node-invalid' },
    });
  });

  it('after one was refused, and with them the commit, also where nothing else is missing', async () => {
    const tree = buildInMemory([]);
    const root = nodeOf(tree, tree.roots.software);
    const config = nodeOf(tree, tree.roots.config);
    const { store } = memoryStore();
    await store.addNodes([config]);
    const upload = createUpload(store, 'host');
    await upload.roots(rootsOf(tree, 'scan'));
    const altered = Buffer.from([...root.data, 0]);
    expect(await upload.nodes([{ id: root.id, data: altered }])).toMatchObject({ error: { code: 'node-id-wrong' } });
    expect(await upload.commit()).toMatchObject({ ok: false, error: { code: 'node-id-wrong' } });
  });
});
