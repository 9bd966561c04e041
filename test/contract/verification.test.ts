import { randomUUID } from 'node:crypto';
import * as audit from '@tidemark/controller/store/audit.ts';
import { nodes, observations, outbox } from '@tidemark/controller/store/schema.ts';
import type { Store } from '@tidemark/controller/store/store.ts';
import { createVerificationStore } from '@tidemark/controller/store/verification.ts';
import type { DriftReport } from '@tidemark/controller/verification/reports.ts';
import type { Verification } from '@tidemark/controller/verification/service.ts';
import { sha256 } from '@tidemark/shared/base/digest.ts';
import type { ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { eq } from 'drizzle-orm';
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

let store: Store;
let server: FingerprintServer;
let verification: Verification;
const trees: ServerTree[] = [];

beforeEach(async () => {
  store = await freshStore();
  server = await startFingerprintServer(createVerificationStore(store));
  verification = verificationOf(store);
  await harvest(store, '1.4.0', OLD);
  await harvest(store, '1.4.1', NEW);
});

afterEach(() => {
  server.stop();
  for (const tree of trees.splice(0)) tree.destroy();
});

/** Two members of a cluster, scanned; the second is changed before that. */
async function pair(change: (tree: ServerTree) => void = () => {}, profile?: ScanProfile) {
  const [one, two] = [patched('db01'), patched('db02')];
  trees.push(one, two);
  change(two);
  await scanAndUpload(server, await addHost(store, 'db01'), one);
  await scanAndUpload(server, await addHost(store, 'db02'), two, profile);
}

const answer = async <T>(
  asked: Promise<{ ok: true; value: T } | { ok: false; error: { message: string } }>,
): Promise<T> => {
  const result = await asked;
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
};

const lines = (report: DriftReport) =>
  report.groups.flatMap(({ entries }) =>
    entries.map(entry => `${entry.class} ${entry.product ?? '-'} ${entry.path.replace(`${HOME}/releases/`, '')}`),
  );

/** What an operator's nightmare does: edits one file, adds one, removes one. */
function spoil(tree: ServerTree): void {
  tree.write(`${HOME}/releases/1.4.1/lib/core.js`, 'edited');
  tree.write(`${HOME}/releases/1.4.1/bin/extra`, '#!/bin/sh');
  tree.remove(`${HOME}/releases/1.4.1/lib/new.js`);
}

describe('a pair that was patched', () => {
  it('is identical, apart from what each host has of its own', async () => {
    await pair();
    const report = await answer(verification.compare('db01', 'db02', { plane: 'all', excludingPatches: false }));
    expect(report).toMatchObject({
      host: 'db02',
      against: 'db01',
      identical: true,
      sentence: 'db02 and db01 are identical',
    });
    expect(lines(report)).toEqual(['config-expected - /etc/app/host.conf']);
    const software = await answer(verification.compare('db01', 'db02', { plane: 'software', excludingPatches: false }));
    expect(software.groups).toEqual([]);
  });

  it('has the version completely, and the one before verified beside it', async () => {
    await pair();
    const { products } = await answer(verification.identify('db02'));
    expect(products).toMatchObject([
      {
        product: 'orders-db',
        versions: ['1.4.1'],
        complete: true,
        exceptions: [],
        retained: [{ directory: '1.4.0', complete: true }],
      },
    ]);
    const drift = await answer(verification.drift('db02'));
    expect(drift).toMatchObject({ identical: true, against: 'signatures' });
  });
});

describe('a member that was changed by hand', () => {
  it('shows each file with class, product, expected and found digest', async () => {
    await pair(spoil);
    const report = await answer(verification.drift('db02'));
    expect(report.identical).toBe(false);
    expect(lines(report)).toEqual([
      'missing-packaged orders-db 1.4.1/lib/new.js',
      'modified-packaged orders-db 1.4.1/lib/core.js',
      'unmanaged-executable orders-db 1.4.1/bin/extra',
      'config-expected - /etc/app/host.conf',
    ]);
    const [missing, modified, added] = report.groups.map(({ entries }) => entries[0]);
    const digest = (content: string) => `sha256:${sha256(Buffer.from(content)).toString('hex')}`;
    expect(missing).toMatchObject({ expected: digest('new'), found: null, version: '1.4.1' });
    expect(modified).toMatchObject({ expected: digest('core 1.4.1'), found: digest('edited') });
    expect(added).toMatchObject({ expected: null, found: digest('#!/bin/sh') });
  });

  it('differs from its peer in the same files, for a reason', async () => {
    await pair(spoil);
    const report = await answer(verification.compare('db01', 'db02', { plane: 'software', excludingPatches: false }));
    expect(report.sentence).toBe('3 differences between db01 and db02, in orders-db');
    expect(report.groups.flatMap(({ entries }) => entries).map(({ class: kind, note }) => `${kind}: ${note}`)).toEqual([
      'missing-packaged: only on db01: it is of 1.4.1',
      'modified-packaged: db01 has it as in 1.4.1, on db02 it is of no known release',
      'unmanaged-executable: only on db02, and no known release has it',
    ]);
  });

  it('is a mix where files of the old version came back', async () => {
    await pair(tree => tree.write(`${HOME}/releases/1.4.1/lib/core.js`, OLD['lib/core.js']));
    const { products } = await answer(verification.identify('db02'));
    expect(products[0]).toMatchObject({
      complete: false,
      sentence: 'orders-db: 3 of 4 files of 1.4.1, 1 still 1.4.0: lib/core.js',
    });
    expect(lines(await answer(verification.drift('db02')))[0]).toBe('partial-patch orders-db 1.4.1/lib/core.js');
  });

  it('lags behind its peer where the old release is in use', async () => {
    await pair(tree => tree.write(`${HOME}/current`, '-> releases/1.4.0'));
    expect(lines(await answer(verification.drift('db02')))[0]).toBe(`patch-skew orders-db ${HOME}/current`);
    const report = await answer(verification.compare('db01', 'db02', { plane: 'software', excludingPatches: false }));
    expect(report.groups[0]?.entries).toMatchObject([
      { class: 'patch-skew', expected: 'link to releases/1.4.1', found: 'link to releases/1.4.0' },
    ]);
  });

  it('has drifting configuration where it differs from the peer without leave', async () => {
    await pair(tree => tree.write('/etc/app/app.conf', 'b'));
    expect(lines(await answer(verification.drift('db02')))[0]).toBe('config-drift - /etc/app/app.conf');
  });
});

describe('what cannot be answered', () => {
  it('says whose scan is under which profile', async () => {
    await pair(undefined, { ...APPLICATION_PROFILE, version: 2 });
    const result = await verification.compare('db01', 'db02', { plane: 'all', excludingPatches: false });
    expect(result).toMatchObject({ ok: false, error: { code: 'profile-differs' } });
    expect(!result.ok && result.error.message).toMatch(/db01 .*applications version 1 .*db02 .*applications version 2/);
  });

  it('says that a host is not known, or has no fingerprint, and what to do', async () => {
    await addHost(store, 'db01');
    expect(await verification.drift('nobody')).toMatchObject({ ok: false, error: { code: 'unknown-host' } });
    expect(await verification.identify('db01')).toMatchObject({ ok: false, error: { code: 'no-fingerprint' } });
  });

  it('says so where a node was altered in the database', async () => {
    await pair(spoil);
    await store.db.update(nodes).set({ data: Buffer.from([1, 2, 3]) });
    expect(await verification.drift('db02')).toMatchObject({ ok: false, error: { code: 'tree-damaged' } });
  });
});

describe('a scan that somebody asks for', () => {
  const ask = async () => {
    const hostId = await addHost(store, 'db01');
    return { hostId, asked: await answer(verification.scan({ host: 'db01', by: 'anna' })) };
  };

  it('is written with what is to be sent and with the audit entry', async () => {
    const { hostId, asked } = await ask();
    expect(asked).toMatchObject({ host: 'db01', state: 'asked', fingerprint: null });
    const [due] = await store.db.select().from(outbox).where(eq(outbox.hostId, hostId));
    expect(due).toMatchObject({ kind: 'observe-scan', payload: { request: asked.id, profile: APPLICATION_PROFILE } });
    expect(await audit.list(store.db, { after: 0, limit: 9 })).toMatchObject([{ actor: 'anna', action: 'scan.asked' }]);
  });

  it.each(['before', 'after'])('is done when its tree is committed, named %s that', async order => {
    const { hostId, asked } = await ask();
    const tree = patched('db01');
    trees.push(tree);
    const scan = randomUUID();
    const named = () => verification.scanReady({ hostId, request: asked.id, scan });
    if (order === 'before') await named();
    expect((await verification.scanRequest(asked.id))?.state).toBe('asked');
    await scanAndUpload(server, hostId, tree, APPLICATION_PROFILE, scan);
    if (order === 'after') await named();
    const done = await verification.scanRequest(asked.id);
    expect(done).toMatchObject({ state: 'done' });
    const [newest] = (await verification.fingerprints('db01')) ?? [];
    expect(done?.fingerprint).toBe(newest?.id);
  });

  it('has failed when the agent says so, with its reason', async () => {
    const { hostId, asked } = await ask();
    await verification.scanFailed({ hostId, request: asked.id, message: 'the disk is gone' });
    expect(await verification.scanRequest(asked.id)).toMatchObject({ state: 'failed', message: 'the disk is gone' });
  });

  it('cannot be answered by another host, nor under a name that is none', async () => {
    const { asked } = await ask();
    const other = await addHost(store, 'db02');
    await verification.scanFailed({ hostId: other, request: asked.id, message: 'x' });
    await verification.scanFailed({ hostId: other, request: "'; drop", message: 'x' });
    expect((await store.db.select().from(observations)).map(({ state }) => state)).toEqual(['asked']);
  });

  it('as an audit asks all hosts under one nonce, and is compared with nothing but the others', async () => {
    await pair(tree => tree.write(`${HOME}/bin/extra`, '#!/bin/sh\nexit 1\n'));
    const before = (await verification.fingerprints('db01'))?.[0]?.id;
    const hosts = ['db01', 'db02'];
    const asked = await answer(verification.audit({ hosts, paths: [HOME], by: 'anna' }));
    const sent = (await store.db.select().from(outbox)).map(({ payload }) => payload as { profile: ScanProfile });
    const [profile] = sent.map(payload => payload.profile);
    expect(profile).toMatchObject({ roots: [{ path: HOME }], nonce: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(sent.map(payload => payload.profile)).toEqual([profile, profile]);
    for (const [at, { id, host }] of asked.entries()) {
      const hostId = (await createVerificationStore(store).hostNamed(host))?.hostId ?? '';
      const { scan } = await scanAndUpload(server, hostId, trees[at] as ServerTree, profile);
      await verification.scanReady({ hostId, request: id, scan });
    }
    const ids = await Promise.all(asked.map(async ({ id }) => (await verification.scanRequest(id))?.fingerprint));
    const [a, b] = hosts.map((host, at) => `${host}@${ids[at]}`);
    const report = await answer(verification.compare(a ?? '', b ?? '', { plane: 'all', excludingPatches: false }));
    expect(lines(report)).toEqual([expect.stringContaining('extra')]);
    const now = await answer(verification.compare('db01', `db01@${before}`, { plane: 'all', excludingPatches: false }));
    expect(now).toMatchObject({ identical: true });
    const unknown = await verification.audit({ hosts: ['db01', 'nobody'], paths: [HOME], by: 'anna' });
    expect(unknown).toMatchObject({ ok: false, error: { code: 'unknown-host' } });
    expect(await store.db.select().from(outbox)).toHaveLength(2);
  });

  it('is of the whole server where the landscape knows of no product on it', async () => {
    await addHost(store, 'bare01');
    await answer(verification.scan({ host: 'bare01', by: 'anna' }));
    const [due] = await store.db.select().from(outbox);
    expect(due).toMatchObject({ kind: 'observe-scan', payload: { profile: { name: 'linux-server' }, envelope: null } });
  });
});
