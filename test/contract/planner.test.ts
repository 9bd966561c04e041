import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createInventory } from '@tidemark/controller/inventory/service.ts';
import { importGiven } from '@tidemark/controller/landscape/by-hand.ts';
import { createLandscape } from '@tidemark/controller/landscape/service.ts';
import { given } from '@tidemark/controller/landscape/testing/memory.ts';
import { createPlanner } from '@tidemark/controller/planner/service.ts';
import { bundleOf, factsOf, hostIdOf, NOW, policyText, shop } from '@tidemark/controller/planner/testing/world.ts';
import * as audit from '@tidemark/controller/store/audit.ts';
import { inventoryStore } from '@tidemark/controller/store/inventory.ts';
import { landscapeStore } from '@tidemark/controller/store/landscape.ts';
import { agentsByName, knownReleaseSizes, planStore } from '@tidemark/controller/store/planner.ts';
import { artifacts, hosts, planOrders, runs, signatures } from '@tidemark/controller/store/schema.ts';
import type { Store } from '@tidemark/controller/store/store.ts';
import { forecastPlan } from '@tidemark/controller/wiring/forecast-plan.ts';
import { present } from '@tidemark/shared/base/assert.ts';
import { type Digest, digestFromBytes } from '@tidemark/shared/base/digest.ts';
import { rootFromProof } from '@tidemark/shared/merkle/proof.ts';
import { openPlan } from '@tidemark/shared/orders/plan.ts';
import { signApproval } from '@tidemark/shared/signing/approval.ts';
import { rawPublicKey } from '@tidemark/shared/signing/ed25519.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { eq } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { testStores } from '../support/database.ts';

const freshStore = testStores();
const FLEET = 'test-fleet';
const HOUR = 3_600_000;

interface World {
  store: Store;
  planner: ReturnType<typeof createPlanner>;
  inventory: ReturnType<typeof createInventory>;
  landscape: ReturnType<typeof createLandscape>;
  keys: Record<string, KeyObject>;
  root: TrustRoot;
  /** What the trust root port gives; null for none. */
  trust: { root: TrustRoot | null };
  time: { now: number };
}

/** The shop in a database, everything enrolled and reported, nothing planned. */
async function world(): Promise<World> {
  const store = await freshStore();
  const time = { now: NOW };
  const clock = { now: () => time.now, monotonic: () => time.now };
  const landscape = createLandscape({ store: landscapeStore(store), clock, agents: async () => [] });
  const inventory = createInventory({ store: inventoryStore(store), clock });
  const sold = shop();
  const names = sold.landscape.hosts.map(({ name }) => name);
  await store.db.insert(hosts).values(names.map(name => ({ id: hostIdOf(name), name })));
  for (const name of names) {
    const facts = present(sold.facts.get(hostIdOf(name)), name);
    await inventory.record({ hostId: hostIdOf(name), facts: { ...facts.facts } });
  }
  const { hosts: hostRows, components, clusters } = sold.landscape;
  const text = JSON.stringify({ apiVersion: 'tidemark/v1', kind: 'Landscape', hosts: hostRows, components, clusters });
  const imported = await importGiven(landscape, given({ text, fileName: 'landscape.json' }));
  if (!imported.ok) throw new Error(JSON.stringify(imported.error));

  const keys = Object.fromEntries(
    ['ada', 'grace', 'mallory'].map(name => [name, generateKeyPairSync('ed25519').privateKey]),
  );
  const root: TrustRoot = {
    format: 'tidemark/trust-root/v1',
    fleet: FLEET,
    version: 1,
    approvers: ['ada', 'grace'].map(name => ({
      name,
      publicKey: rawPublicKey(present(keys[name], name)).toString('base64'),
      classes: ['observe', 'patch', 'command'],
    })),
    thresholds: { observe: 0, patch: 1, command: 1 },
  };
  const trust: World['trust'] = { root };
  const planner = createPlanner({
    fleet: FLEET,
    factsMaxAgeMs: HOUR,
    clock,
    store: planStore(store),
    sources: {
      landscape: landscape.current,
      agents: () => agentsByName(store),
      facts: inventory.latest,
      bundles: async () =>
        sold.bundle ? [{ name: sold.bundle.name, ring: 'test', createdAt: NOW, bar: null, withdrawn: false }] : [],
      rings: async () => ['test', 'inactive', 'active'],
      bundle: async name => (name === sold.bundle?.name ? sold.bundle : null),
      installedBytes: () => knownReleaseSizes(store),
      durations: async () => [],
      trustRoot: async () => trust.root,
    },
  });
  return { store, planner, inventory, landscape, keys, root, trust, time };
}

async function plan({ planner }: World, parts: Parameters<typeof policyText>[0] = {}): Promise<Digest> {
  const made = await planner.plan({ policyText: policyText(parts), fileName: 'policy.yaml', atMs: NOW, by: 'ada' });
  if (!made.ok) throw new Error(JSON.stringify(made.error));
  return made.value.digest;
}

function signed(
  { keys, time }: World,
  by: string,
  digest: Digest,
  change: { fleet?: string; expiresAt?: number } = {},
) {
  const approval = {
    format: 'tidemark/approval/v1' as const,
    fleet: FLEET,
    plan: digest,
    gate: 'plan' as const,
    approvedAt: time.now,
    expiresAt: time.now + HOUR,
    ...change,
  };
  return signApproval(approval, present(keys[by], by));
}

const actions = async (store: Store) =>
  (await audit.list(store.db, { after: 0, limit: 100 })).map(entry => entry.action);

describe('a plan in the database', () => {
  it('comes back byte for byte, each order with a proof that leads to its digest', async () => {
    const w = await world();
    const digest = await plan(w);
    const view = present(await w.planner.get(digest), 'plan');
    const opened = openPlan(view.document);
    expect(opened.ok && opened.value.digest).toBe(digest);
    const rows = await w.store.db.select().from(planOrders).where(eq(planOrders.plan, digest));
    expect(rows).toHaveLength(8);
    for (const row of rows) {
      const path = Array.from({ length: row.path.length / 32 }, (_, index) =>
        row.path.subarray(index * 32, index * 32 + 32),
      );
      const proof = { leafIndex: row.leafIndex, leafCount: row.leafCount, path };
      const merkle = rootFromProof(Buffer.from(row.document), proof);
      expect(merkle && digestFromBytes(merkle)).toBe(digest);
    }
    expect(view).toMatchObject({ run: null, approval: { approvals: [], needed: 1, complete: false } });
    expect(await actions(w.store)).toEqual(['landscape.imported', 'plan.compiled']);
  });

  it('can be forecast: its night ends within its window, later than its longest host takes', async () => {
    const w = await world();
    const digest = await plan(w);
    const view = present(await w.planner.get(digest), 'plan');
    const opened = openPlan(view.document);
    if (!opened.ok) throw new Error(opened.error);
    const { header, orders } = opened.value;
    const longest = Math.max(...orders.map(({ order }) => order.jobs.reduce((sum, job) => sum + job.expectedMs, 0)));
    const night = present(await forecastPlan(w.planner, digest, 20), 'forecast');
    expect(night).toMatchObject({ repetitions: 20, late: [] });
    expect(night.end.p90).toBeGreaterThanOrEqual(night.end.p50);
    expect(night.end.p50).toBeGreaterThan(header.window.start + longest / 2);
    expect(night.marginMs).toBe(header.window.end - header.window.reserveMs - night.end.p90);
    expect(await forecastPlan(w.planner, `sha256:${'0'.repeat(64)}`, 20)).toBeNull();
  });

  it('shares no order with another plan of the same moment', async () => {
    const w = await world();
    const [first, second] = await Promise.all([plan(w), plan(w)]);
    expect(second).not.toBe(first);
    const rows = await w.store.db.select({ digest: planOrders.digest }).from(planOrders);
    expect(new Set(rows.map(row => row.digest)).size).toBe(16);
    expect(await w.planner.list()).toMatchObject([
      { digest: second, name: 'shop-monthly', author: 'ada', bundle: 'shop-1.4.1', hosts: 8, excluded: 0, run: null },
      { digest: first },
    ]);
  });

  it('is not made, and nothing is kept, where the policy or the world does not allow one', async () => {
    const w = await world();
    const input = { fileName: 'policy.yaml', atMs: NOW, by: 'ada' };
    const bad = await w.planner.plan({ ...input, policyText: policyText({ select: 'host.ap == "x"' }) });
    expect(bad).toMatchObject({
      error: { code: 'policy-invalid', details: [{ file: 'policy.yaml', line: 5, column: 16 }] },
    });
    const impossible = await w.planner.plan({ ...input, policyText: policyText({ bundle: '{name: none}' }) });
    expect(impossible).toMatchObject({ error: { code: 'plan-impossible', details: [{ line: 6 }] } });
    expect(await w.planner.list()).toEqual([]);
    expect(await actions(w.store)).toEqual(['landscape.imported']);
  });

  it('knows the sizes of releases that were imported', async () => {
    const { store } = await world();
    const release = present(bundleOf(['orders-db']).releases[0], 'release');
    await store.db.insert(artifacts).values(release.artifact);
    await store.db.insert(signatures).values({
      id: hostIdOf('signature'),
      product: 'orders-db',
      version: '1.4.1',
      artifact: release.artifact.digest,
      tier: 'operator',
      unpackedBytes: 77,
      fileCount: 1,
      importedBy: 'ada',
    });
    expect(await knownReleaseSizes(store)).toEqual(new Map([['orders-db 1.4.1', 77]]));
  });
});

describe('an approval', () => {
  it('counts, once for each approver, and only as long as it has not expired', async () => {
    const w = await world();
    const digest = await plan(w, { approvals: '[{need: 2}]' });
    const approve = (by: string) => w.planner.approve({ plan: digest, envelope: signed(w, by, digest), by });
    expect(await approve('ada')).toMatchObject({ value: { needed: 2, complete: false } });
    expect(await approve('ada')).toMatchObject({ value: { approvals: [{ approver: 'ada' }], complete: false } });
    expect(await approve('grace')).toMatchObject({ value: { complete: true } });
    expect(await w.planner.list()).toMatchObject([{ approval: { complete: true } }]);
    w.time.now += HOUR;
    expect(await w.planner.get(digest)).toMatchObject({ approval: { approvals: [], complete: false } });
    expect((await actions(w.store)).filter(action => action === 'plan.approved')).toHaveLength(3);
  });

  it('needs what the thresholds of the trust root ask for, whatever the policy says', async () => {
    const w = await world();
    w.trust.root = { ...w.root, thresholds: { observe: 0, patch: 1, command: 2 } };
    const withHandover = await plan(w);
    expect(await w.planner.get(withHandover)).toMatchObject({ approval: { needed: 2 } });
    const without = await plan(w, { select: 'host.name == "web01"', clusters: null });
    expect(await w.planner.get(without)).toMatchObject({ approval: { needed: 1 } });
    const steps = (checks: string) => `[{id: all, uses: check/all, with: {checks: ${checks}}}]`;
    const one = { select: 'host.name == "web01"', clusters: null };
    const looks = await plan(w, { ...one, steps: steps('[{cel: "true"}]') });
    const asks = await plan(w, { ...one, steps: steps('[{cel: "true"}, {sql: select 1}]') });
    expect(await w.planner.get(looks)).toMatchObject({ approval: { needed: 1 } });
    expect(await w.planner.get(asks)).toMatchObject({ approval: { needed: 2 } });
  });

  it.each<[string, (w: World, digest: Digest) => ReturnType<typeof signed>, string]>([
    ['by a key that nobody trusts', (w, digest) => signed(w, 'mallory', digest), 'approval-invalid'],
    ['of another plan', w => signed(w, 'grace', digestFromBytes(Buffer.alloc(32))), 'approval-invalid'],
    ['for another fleet', (w, digest) => signed(w, 'grace', digest, { fleet: 'other' }), 'approval-invalid'],
    ['that has expired', (w, digest) => signed(w, 'grace', digest, { expiresAt: NOW }), 'approval-invalid'],
    ['by the author, where that does not count', (w, digest) => signed(w, 'ada', digest), 'approver-not-allowed'],
  ])('is refused %s, and nothing is kept', async (_, envelope, code) => {
    const w = await world();
    const digest = await plan(w, { approvals: '[{need: 1, notAuthor: true}]' });
    const refused = await w.planner.approve({ plan: digest, envelope: envelope(w, digest), by: 'eve' });
    expect(refused).toMatchObject({ ok: false, error: { code } });
    expect(await w.planner.get(digest)).toMatchObject({ approval: { approvals: [], complete: false } });
    expect(await actions(w.store)).not.toContain('plan.approved');
  });

  it('is refused for a plan that is not there, ran, is over, or where no trust root is', async () => {
    const w = await world();
    const digest = await plan(w);
    const nowhere = digestFromBytes(Buffer.alloc(32));
    const approve = (of: Digest) => w.planner.approve({ plan: of, envelope: signed(w, 'grace', of), by: 'grace' });
    expect(await approve(nowhere)).toMatchObject({ error: { code: 'plan-unknown' } });
    w.trust.root = null;
    expect(await approve(digest)).toMatchObject({ error: { code: 'no-trust-root' } });
    w.trust.root = w.root;
    w.time.now = NOW + 4 * HOUR;
    expect(await approve(digest)).toMatchObject({ error: { code: 'window-over' } });
    w.time.now = NOW;
    await w.store.db.insert(runs).values({ id: 'r1', plan: digest, state: 'running', startedBy: 'ada' });
    // Where an approval has run out the next one lets the run go on.
    expect(await approve(digest)).toMatchObject({ ok: true });
    await w.store.db.update(runs).set({ state: 'failed', endedAt: new Date(NOW) });
    expect(await approve(digest)).toMatchObject({ error: { code: 'plan-already-run' } });
    expect(await w.planner.get(digest)).toMatchObject({ run: 'r1' });
  });
});

describe('facts in the database', () => {
  it('are those that came last, also after the clock was put back', async () => {
    const { inventory, time } = await world();
    const hostId = hostIdOf('web01');
    const observed = async () => (await inventory.latest()).get(hostId);
    time.now = NOW + 20;
    expect(await inventory.record({ hostId, facts: { n: 1 } })).toBe(true);
    expect(await observed()).toEqual({ facts: { n: 1 }, observedAt: NOW + 20 });
    time.now = NOW + 10;
    await inventory.record({ hostId, facts: { n: 2, 'odd\0': '\0' } });
    expect(await observed()).toEqual({ facts: { n: 2 }, observedAt: NOW + 10 });
    expect((await inventory.inventoryOf(hostId))?.refused).toEqual([
      expect.stringMatching(/^odd.*is no name for a fact/),
    ]);
  });

  it('of a host that nobody enrolled are not taken', async () => {
    const { inventory } = await world();
    const { facts } = factsOf([]);
    expect(await inventory.record({ hostId: hostIdOf('nobody'), facts })).toBe(false);
  });
});

describe('the landscape in the database', () => {
  it('has one version after the other, also where two import at once', async () => {
    const { landscape } = await world();
    const text = (name: string) => `apiVersion: tidemark/v1\nkind: Landscape\nhosts: [{name: ${name}}]\n`;
    const results = await Promise.all(
      ['a', 'b', 'c'].map(name => importGiven(landscape, given({ text: text(name), allowDrop: true }))),
    );
    const versions = results.map(result => (result.ok ? result.value.version : 0));
    expect(versions.toSorted()).toEqual([2, 3, 4]);
    const latest = ['a', 'b', 'c'][versions.indexOf(4)];
    expect(await landscape.current()).toMatchObject({ version: 4, hosts: [{ name: latest }], importedBy: 'ada' });
  });
});
