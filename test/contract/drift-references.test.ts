import { randomUUID } from 'node:crypto';
import { createGarbageStore } from '@tidemark/controller/store/node-garbage.ts';
import { createRetentionStore } from '@tidemark/controller/store/retention.ts';
import { baselines, fingerprints } from '@tidemark/controller/store/schema.ts';
import type { Store } from '@tidemark/controller/store/store.ts';
import { createVerificationStore } from '@tidemark/controller/store/verification.ts';
import { clearFingerprints } from '@tidemark/controller/verification/keeping.ts';
import type { Verification } from '@tidemark/controller/verification/service.ts';
import type { ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { type BaselineStatement, signBaseline } from '@tidemark/shared/signing/baseline.ts';
import { newKey, sampleTrustRoot } from '@tidemark/shared/testing/samples.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { testStores } from '../support/database.ts';
import {
  addHost,
  type FingerprintServer,
  scanAndUpload,
  startFingerprintServer,
} from '../support/fingerprint-server.ts';
import { HOME, harvest, NEW, OLD, patched, verificationOf } from '../support/patched-hosts.ts';
import { APPLICATION_PROFILE, type ServerTree } from '../support/scan-tree.ts';

const freshStore = testStores();
const DAY_MS = 86_400_000;
const KEY = newKey();
const ROOT = sampleTrustRoot([KEY]);
const ALL = { plane: 'all', excludingPatches: false } as const;
const MEMBERS = ['db01', 'db02', 'db03'];

let store: Store;
let server: FingerprintServer;
let verification: Verification;
let now: number;
const trees = new Map<string, ServerTree>();
const hostIds = new Map<string, string>();

beforeEach(async () => {
  store = await freshStore();
  server = await startFingerprintServer(createVerificationStore(store));
  now = Date.now();
  verification = verificationOf(store, { members: MEMBERS, trustRoot: ROOT, now: () => now });
  await harvest(store, '1.4.0', OLD);
  await harvest(store, '1.4.1', NEW);
});

afterEach(() => {
  server.stop();
  for (const tree of trees.values()) tree.destroy();
  trees.clear();
  hostIds.clear();
});

/** Scans a host as it is now, after a change; gives the scan's id in the store. */
async function scan(host: string, change: (tree: ServerTree) => void = () => {}, profile?: ScanProfile) {
  const tree = trees.get(host) ?? patched(host);
  trees.set(host, tree);
  change(tree);
  const hostId = hostIds.get(host) ?? (await addHost(store, host));
  hostIds.set(host, hostId);
  await scanAndUpload(server, hostId, tree, profile);
  const [newest] = (await verification.fingerprints(host)) ?? [];
  if (!newest) throw new Error(`${host} has no fingerprint`);
  return newest;
}

const answer = async <T>(asked: Promise<{ ok: true; value: T } | { ok: false; error: { message: string } }>) => {
  const result = await asked;
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
};

const conf = (content: string) => (tree: ServerTree) => tree.write('/etc/app/app.conf', content);

const statement = (of: Awaited<ReturnType<typeof scan>>, change: Partial<BaselineStatement> = {}) => ({
  ...{ format: 'tidemark/baseline/v1' as const, fleet: ROOT.fleet, name: 'golden', host: of.host },
  ...{ profileDigest: of.profileDigest, softwareRoot: of.softwareRoot, configRoot: of.configRoot },
  ...{ scannedAt: of.finishedAt, signedAt: now, ...change },
});

describe('a host is held against', () => {
  it('itself as it was then', async () => {
    const before = await scan('db01');
    await scan('db01', conf('changed'));
    const report = await answer(verification.compare(`db01@${before.id.slice(0, 8)}`, 'db01', ALL));
    expect(report.groups.flatMap(({ entries }) => entries)).toMatchObject([
      { class: 'config-drift', path: '/etc/app/app.conf' },
    ]);
    const at = new Date(before.finishedAt).toISOString();
    expect((await answer(verification.compare(`db01@${at}`, 'db01', ALL))).againstScannedAt).toBe(before.finishedAt);
  });

  it('a time before its first fingerprint, and is told that there is none', async () => {
    await scan('db01');
    expect(await verification.compare('db01@2020-01-01T00:00:00Z', 'db01', ALL)).toMatchObject({
      error: { code: 'no-fingerprint', message: expect.stringContaining('from 2020-01-01T00:00:00.000Z or before') },
    });
  });

  it('a signed baseline of another host, also after that one has changed', async () => {
    const golden = await scan('db01');
    const envelope = signBaseline(statement(golden), KEY);
    const kept = await verification.keepBaseline({ envelope, reference: `db01@${golden.id}`, by: 'anna' });
    expect(kept).toMatchObject({ ok: true, value: { name: 'golden', host: 'db01', fingerprint: golden.id } });
    await scan('db01', conf('changed'));
    await scan('db02');
    expect(await answer(verification.compare('baseline:golden', 'db02', ALL))).toMatchObject({ identical: true });
    expect(await answer(verification.compare('baseline:golden', 'db01', ALL))).toMatchObject({ identical: false });
  });
});

describe('a baseline', () => {
  it.each([
    ['is signed by somebody else', {}, newKey()],
    ['is of other trees', { softwareRoot: '0'.repeat(64) }, KEY],
    ['is of another fleet', { fleet: 'other' }, KEY],
  ])('is not taken where it %s', async (_what, change, key) => {
    const golden = await scan('db01');
    const envelope = signBaseline(statement(golden, change), key);
    const result = await verification.keepBaseline({ envelope, reference: `db01@${golden.id}`, by: 'anna' });
    expect(result).toMatchObject({ ok: false, error: { code: 'baseline-invalid' } });
    expect(await verification.baselines()).toEqual([]);
  });

  it('does not count where somebody changed the database', async () => {
    const golden = await scan('db01');
    const envelope = signBaseline(statement(golden), KEY);
    await verification.keepBaseline({ envelope, reference: `db01@${golden.id}`, by: 'anna' });
    const other = await scan('db01', conf('worse'));
    await store.db.update(baselines).set({ fingerprint: other.id });
    expect(await verification.compare('baseline:golden', 'db01', ALL)).toMatchObject({
      error: { code: 'baseline-invalid', message: expect.stringContaining('other trees were signed') },
    });
  });

  it('stays when its fingerprint is old, with every node of it', async () => {
    const golden = await scan('db01');
    const envelope = signBaseline(statement(golden), KEY);
    await verification.keepBaseline({ envelope, reference: `db01@${golden.id}`, by: 'anna' });
    const middle = await scan('db01', conf('b'));
    await scan('db01', conf('c'));
    const keeping = { ...createRetentionStore(store), ...createGarbageStore(store) };
    const cleared = await clearFingerprints(keeping, { keepAllDays: 0, keepDailyDays: 0 }, now + 2 * DAY_MS);
    expect(cleared).toMatchObject({ forgotten: 1 });
    const left = await store.db.select({ id: fingerprints.id }).from(fingerprints);
    expect(left.map(({ id }) => id)).not.toContain(middle.id);
    expect(await answer(verification.compare('baseline:golden', 'db01', ALL))).toMatchObject({ identical: false });
  });
});

describe('a cluster of three', () => {
  it('is identical where all are', async () => {
    for (const host of MEMBERS) await scan(host);
    expect(await answer(verification.compareCluster('orders-db', ALL))).toMatchObject({
      identical: true,
      sentence: 'the 3 members of orders-db are identical',
    });
  });

  it.each(MEMBERS)('names %s as the one that is not like the others', async odd => {
    for (const host of MEMBERS) await scan(host, host === odd ? conf('odd') : undefined);
    const report = await answer(verification.compareCluster('orders-db', { plane: 'config', excludingPatches: false }));
    expect(report).toMatchObject({ identical: false, sentence: `${odd} differs from the other members of orders-db` });
    const counted = report.outliers.flatMap(({ host, groups }) =>
      groups.flatMap(({ entries }) =>
        entries.flatMap(entry => (entry.class === 'config-drift' ? [`${host} ${entry.path}`] : [])),
      ),
    );
    expect(counted).toEqual([`${odd} /etc/app/app.conf`]);
  });

  it('is identical excluding patches where one member has only another release', async () => {
    for (const host of MEMBERS) {
      await scan(host, tree => host === 'db03' && tree.write(`${HOME}/current`, '-> releases/1.4.0'));
    }
    const strict = await answer(
      verification.compareCluster('orders-db', { plane: 'software', excludingPatches: false }),
    );
    expect(strict.identical).toBe(false);
    expect(
      await answer(verification.compareCluster('orders-db', { plane: 'software', excludingPatches: true })),
    ).toMatchObject({ identical: true, patches: 1, sentence: expect.stringContaining('(excluding 1 of patches)') });
  });

  it('shows one key on two servers, which no comparison of trees comes to', async () => {
    const own = { path: '/etc/app/key', how: 'must-differ' as const, reason: 'each server has its own key' };
    const profile = { ...APPLICATION_PROFILE, expect: [...APPLICATION_PROFILE.expect, own] };
    for (const host of MEMBERS)
      await scan(host, tree => tree.write('/etc/app/key', host === 'db02' ? 'b' : 'a'), profile);
    const report = await answer(verification.compareCluster('orders-db', { plane: 'config', excludingPatches: false }));
    expect(report.outliers.flatMap(({ host, groups }) => groups.map(group => `${host} ${group.class}`))).toContain(
      'db03 must-differ-violation',
    );
    expect(report.sentence).toBe('db03 differs from the other members of orders-db');
  });

  it('that the landscape does not have is an error that says where to look', async () => {
    expect(await verification.compareCluster('none', ALL)).toMatchObject({ error: { code: 'unknown-cluster' } });
  });
});

describe('a waiver', () => {
  const WAIVER = { host: 'db02', cluster: null, product: null, class: null, path: '/etc/app/*', by: 'anna' };
  const differing = async () => {
    await scan('db01');
    await scan('db02', conf('b'));
    return () => answer(verification.compare('db01', 'db02', ALL));
  };

  it('covers what it says, with its reason, until it expires', async () => {
    const compare = await differing();
    await answer(verification.addWaiver({ ...WAIVER, reason: 'ticket 4711', expiresAt: now + DAY_MS }));
    expect(await compare()).toMatchObject({ identical: true, sentence: expect.stringContaining('(1 waived)') });
    const drifted = (await compare()).groups.flatMap(({ entries }) => entries).find(({ waiver }) => waiver);
    expect(drifted?.note).toContain('waived by anna until');
    expect(drifted?.note).toContain('ticket 4711');
    now += DAY_MS;
    expect(await compare()).toMatchObject({ identical: false });
  });

  it('ends when somebody ends it, once', async () => {
    const compare = await differing();
    const { id } = await answer(verification.addWaiver({ ...WAIVER, reason: 'x', expiresAt: now + DAY_MS }));
    await answer(verification.endWaiver({ id, by: 'ben' }));
    expect(await compare()).toMatchObject({ identical: false });
    expect(await verification.endWaiver({ id, by: 'ben' })).toMatchObject({ error: { code: 'unknown-waiver' } });
    expect(await verification.endWaiver({ id: randomUUID(), by: 'ben' })).toMatchObject({ ok: false });
  });

  it('of another host, path or class covers nothing', async () => {
    const compare = await differing();
    const rest = { reason: 'x', expiresAt: now + DAY_MS };
    await answer(verification.addWaiver({ ...WAIVER, ...rest, host: 'db03' }));
    await answer(verification.addWaiver({ ...WAIVER, ...rest, path: '/etc/other' }));
    await answer(verification.addWaiver({ ...WAIVER, ...rest, class: 'meta-drift' }));
    await answer(verification.addWaiver({ ...WAIVER, ...rest, cluster: 'web' }));
    expect(await compare()).toMatchObject({ identical: false });
  });

  it.each([
    ['no reason', { reason: ' ' }],
    ['a relative path', { path: 'etc' }],
    ['no end in the future', { expiresAt: 1 }],
    ['a class that there is not', { class: 'drift' }],
  ])('with %s is refused', async (_what, change) => {
    const asked = verification.addWaiver({ ...WAIVER, reason: 'x', expiresAt: now + DAY_MS, ...change });
    expect(await asked).toMatchObject({ ok: false, error: { code: 'bad-waiver' } });
  });
});
