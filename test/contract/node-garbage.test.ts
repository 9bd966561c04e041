import { randomUUID } from 'node:crypto';
import { createGarbageStore } from '@tidemark/controller/store/node-garbage.ts';
import { fingerprints, nodes } from '@tidemark/controller/store/schema.ts';
import type { Store } from '@tidemark/controller/store/store.ts';
import { createVerificationStore } from '@tidemark/controller/store/verification.ts';
import { collectGarbage } from '@tidemark/controller/verification/garbage.ts';
import { createUpload, type Upload } from '@tidemark/controller/verification/upload.ts';
import { sha256 } from '@tidemark/shared/base/digest.ts';
import { emptyCoverage } from '@tidemark/shared/fingerprint/counting.ts';
import type { NodeId } from '@tidemark/shared/fingerprint/entry.ts';
import { type EncodedNode, nodeKey } from '@tidemark/shared/fingerprint/node.ts';
import { profileBytes, profileDigest } from '@tidemark/shared/fingerprint/profile.ts';
import { walkTree } from '@tidemark/shared/fingerprint/walk.ts';
import { type BuiltTrees, buildInMemory, flatEntries, META_FILE } from '@tidemark/shared/testing/trees.ts';
import { eq } from 'drizzle-orm';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { testStores } from '../support/database.ts';
import { addHost } from '../support/fingerprint-server.ts';
import { APPLICATION_PROFILE } from '../support/scan-tree.ts';

const freshStore = testStores();

/** Later than every upload of a test: the sweep takes all that is unfinished, also what is just being uploaded. */
const FAR = 365 * 86_400_000;

type Step =
  | { do: 'begin'; tree: number }
  | { do: 'advance'; upload: number; batch: number }
  | { do: 'forget'; fingerprint: number }
  | { do: 'collect'; sweeping: boolean };

const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant('begin' as const), tree: fc.nat(3) }) },
    {
      weight: 9,
      arbitrary: fc.record({
        do: fc.constant('advance' as const),
        upload: fc.nat(5),
        batch: fc.constantFrom(5, 1_000),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('forget' as const), fingerprint: fc.nat(9) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('collect' as const), sweeping: fc.boolean() }) },
  ),
  { minLength: 20, maxLength: 60 },
);

/** An upload on its way: what is still to be sent. */
interface Going {
  tree: BuiltTrees;
  upload: Upload;
  queue: NodeId[] | null;
}

it('never takes a node that a fingerprint reaches, whatever is uploaded, forgotten and collected in between', () =>
  fc.assert(
    fc.asyncProperty(flatEntries, steps, async (entries, planned) => {
      // Trees that share most of their nodes, as servers do.
      const cut = Math.ceil(entries.length / 3);
      const trees = [entries, entries.slice(cut), entries.slice(0, -cut), entries.slice(0, cut)].map(buildInMemory);
      const store = await freshStore();
      const hostId = await addHost(store, 'db01');
      const going: Going[] = [];
      try {
        for (const step of planned) {
          await take(step, { store, hostId, trees, going });
          await expectWhole(store);
        }
        // Whoever was refused because of a collection gets through when nothing is collected meanwhile.
        for (const tree of trees) await uploadAll(store, hostId, tree);
        await store.db.delete(fingerprints);
        await collectGarbage(createGarbageStore(store), Date.now() + FAR);
        expect(await store.db.select({ id: nodes.id }).from(nodes)).toEqual([]);
      } finally {
        await store.close();
      }
    }),
    { numRuns: 10, endOnFailure: true },
  ));

const TREE = buildInMemory([
  { path: Buffer.from('/opt/a/x'), plane: 'software', content: { kind: 'fifo', meta: META_FILE.id } },
  { path: Buffer.from('/opt/b/y'), plane: 'software', content: { kind: 'fifo', meta: META_FILE.id } },
]);

it.each([
  ['were demoted', 0],
  ['were demoted and deleted', FAR],
])(
  'refuses a commit whose nodes %s since the upload came to them, and takes the next attempt',
  async (_what, ahead) => {
    const store = await freshStore();
    const hostId = await addHost(store, 'db01');
    await uploadAll(store, hostId, TREE);
    const upload = createUpload(createVerificationStore(store), hostId);
    expect(unwrap(await upload.roots(rootsOf(TREE))).ids).toEqual([]);
    await store.db.delete(fingerprints);
    await collectGarbage(createGarbageStore(store), ahead === 0 ? 0 : Date.now() + ahead);
    expect(await upload.commit()).toMatchObject({ ok: false, error: { code: 'nodes-gone' } });
    expect(await store.db.select().from(fingerprints)).toEqual([]);
    await uploadAll(store, hostId, TREE);
    await expectWhole(store);
  },
);

it('lets one collection go on at a time', async () => {
  const store = await freshStore();
  const garbage = createGarbageStore(store);
  expect(await garbage.collect(() => collectGarbage(garbage, 0))).toBeNull();
});

interface World {
  store: Store;
  hostId: string;
  trees: BuiltTrees[];
  going: Going[];
}

async function take(step: Step, { store, hostId, trees, going }: World): Promise<void> {
  switch (step.do) {
    case 'begin': {
      const tree = trees[step.tree] as BuiltTrees;
      const upload = createUpload(createVerificationStore(store), hostId);
      going.push({ tree, upload, queue: unwrap(await upload.roots(rootsOf(tree))).ids });
      return;
    }
    case 'advance': {
      const at = step.upload % Math.max(1, going.length);
      const one = going[at];
      if (one && (await advance(one, step.batch)) !== 'goes-on') going.splice(at, 1);
      return;
    }
    case 'forget': {
      const rows = await store.db.select({ id: fingerprints.id }).from(fingerprints).orderBy(fingerprints.createdAt);
      const row = rows[step.fingerprint % Math.max(1, rows.length)];
      if (row) await store.db.delete(fingerprints).where(eq(fingerprints.id, row.id));
      return;
    }
    case 'collect':
      await collectGarbage(createGarbageStore(store), step.sweeping ? Date.now() + FAR : 0);
  }
}

/** Sends some of what is wanted, or commits. A refusal says that a collection was in the way, and nothing else. */
async function advance(one: Going, batch: number): Promise<'goes-on' | 'committed' | 'refused'> {
  const wanted = one.queue ?? [];
  if (wanted.length === 0) {
    const committed = await one.upload.commit();
    if (committed.ok) return 'committed';
    expect(committed.error.code).toBe('nodes-gone');
    return 'refused';
  }
  const sent = wanted.splice(0, batch);
  const next = unwrap(await one.upload.nodes(sent.map(id => nodeOf(one.tree, id))));
  one.queue = [...wanted, ...(next ?? [])];
  return 'goes-on';
}

async function uploadAll(store: Store, hostId: string, tree: BuiltTrees): Promise<void> {
  const upload = createUpload(createVerificationStore(store), hostId);
  const one: Going = { tree, upload, queue: unwrap(await upload.roots(rootsOf(tree))).ids };
  for (;;) {
    const outcome = await advance(one, 100);
    if (outcome === 'goes-on') continue;
    expect(outcome).toBe('committed');
    return;
  }
}

/** Every node of every fingerprint is in the store. */
async function expectWhole(store: Store): Promise<void> {
  const { load } = createVerificationStore(store);
  for (const { softwareRoot, configRoot } of await store.db.select().from(fingerprints)) {
    for (const [plane, root] of [
      ['software', softwareRoot],
      ['config', configRoot],
    ] as const) {
      const metas = new Set<string>();
      for await (const { entry } of walkTree(plane, root, load)) if (entry.meta) metas.add(nodeKey(entry.meta));
      const found = await load([...metas].map(key => Buffer.from(key, 'latin1')));
      expect(found.size).toBe(metas.size);
    }
  }
}

const rootsOf = (tree: BuiltTrees) => ({
  scan: randomUUID(),
  profileDigest: Buffer.from(profileDigest(APPLICATION_PROFILE).slice('sha256:'.length), 'hex'),
  profile: profileBytes(APPLICATION_PROFILE),
  softwareRoot: tree.roots.software,
  configRoot: tree.roots.config,
  startedMs: 1,
  finishedMs: 2,
  coverage: JSON.stringify(emptyCoverage()),
  coverageDigest: sha256(Buffer.from(JSON.stringify(emptyCoverage()))),
});

const unwrap = <T>(result: { ok: true; value: T } | { ok: false; error: { message: string } }): T => {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
};

function nodeOf(tree: BuiltTrees, id: NodeId): EncodedNode {
  const node = tree.nodes.get(nodeKey(id));
  if (!node) throw new Error('the controller wants a node that the tree does not have');
  return node;
}
