import { createRunScanStore } from '@tidemark/controller/store/run-scans.ts';
import { createScheduleStore } from '@tidemark/controller/store/scan-schedules.ts';
import { observations, plans, runs } from '@tidemark/controller/store/schema.ts';
import type { Store } from '@tidemark/controller/store/store.ts';
import { createVerificationStore } from '@tidemark/controller/store/verification.ts';
import { createScheduling } from '@tidemark/controller/verification/scheduling.ts';
import type { Verification } from '@tidemark/controller/verification/service.ts';
import { err, ok } from '@tidemark/shared/base/result.ts';
import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { testStores } from '../support/database.ts';
import {
  addHost,
  type FingerprintServer,
  scanAndUpload,
  startFingerprintServer,
} from '../support/fingerprint-server.ts';
import { harvest, NEW, OLD, patched, verificationOf } from '../support/patched-hosts.ts';
import { APPLICATION_PROFILE, type ServerTree } from '../support/scan-tree.ts';

const freshStore = testStores();
const DAY_MS = 86_400_000;
const NIGHTLY = { name: 'nightly', select: 'true', cron: '30 2 * * *', timezone: 'UTC', by: 'anna', profile: null };

let store: Store;
let server: FingerprintServer;
let verification: Verification;
let now: number;
let open: Map<string, string>;
let tree: ServerTree;
let hostId: string;
/** What the host lacks of what a run was to bring it. */
let lacks: { bundle: string; lacks: readonly string[] } | null;

beforeEach(async () => {
  store = await freshStore();
  server = await startFingerprintServer(createVerificationStore(store));
  verification = verificationOf(store);
  now = Date.UTC(2026, 2, 1, 12);
  open = new Map();
  lacks = null;
  await harvest(store, '1.4.0', OLD);
  await harvest(store, '1.4.1', NEW);
  tree = patched('db01');
  hostId = await addHost(store, 'db01');
});

afterEach(() => {
  server.stop();
  tree.destroy();
});

const scheduling = () =>
  createScheduling({
    store: { ...createScheduleStore(store), ...createRunScanStore(store) },
    hosts: {
      select: async text =>
        text === 'true' ? ok(['db01']) : text === 'false' ? ok([]) : err(`the condition "${text}" cannot be used`),
    },
    incidents: {
      open: async ({ key, title }) => void open.set(key, title),
      resolve: async key => void open.delete(key),
    },
    patched: { lacks: async () => lacks },
    verification,
    clock: { now: () => now },
  });

const asked = () => store.db.select().from(observations).where(eq(observations.schedule, 'nightly'));

/** What the agent does: scans for the newest request, and says so. */
async function answerScan(): Promise<void> {
  const [request] = (await asked()).filter(({ state }) => state === 'asked');
  if (!request) throw new Error('nobody asked for a scan');
  const { scan } = await scanAndUpload(server, hostId, tree, APPLICATION_PROFILE);
  await verification.scanReady({ hostId, request: request.id, scan });
}

it('asks for scans when it is due, once, whichever of two controllers looks first', async () => {
  expect(await scheduling().add({ ...NIGHTLY, onDrift: 'report' })).toMatchObject({
    ok: true,
    value: { nextDueAt: Date.UTC(2026, 2, 2, 2, 30) },
  });
  await scheduling().round();
  expect(await asked()).toEqual([]);
  now = Date.UTC(2026, 2, 2, 2, 30);
  await Promise.all([scheduling().round(), scheduling().round()]);
  await scheduling().round();
  expect(await asked()).toHaveLength(1);
  expect((await scheduling().list())[0]?.nextDueAt).toBe(Date.UTC(2026, 2, 3, 2, 30));
});

it('does once what came due three times while no controller ran', async () => {
  await scheduling().add({ ...NIGHTLY, onDrift: 'report' });
  now += 3 * DAY_MS;
  await scheduling().round();
  await scheduling().round();
  expect(await asked()).toHaveLength(1);
});

it('goes on with the others where one schedule never comes again', async () => {
  // No such day: it was possible once, or was written by hand.
  const never = { ...NIGHTLY, name: 'never', cron: '0 0 30 2 *', onDrift: 'report' as const };
  const { by, ...rest } = never;
  await createScheduleStore(store).add({ ...rest, nextDueAt: now, createdBy: by, createdAt: now });
  await scheduling().add({ ...NIGHTLY, onDrift: 'report' });
  now += DAY_MS;
  await scheduling().round();
  await scheduling().round();
  expect(await asked()).toHaveLength(1);
  const due = (await scheduling().list()).map(({ name, nextDueAt }) => [name, nextDueAt > now]);
  expect(due).toEqual([
    ['never', true],
    ['nightly', true],
  ]);
});

it('opens an incident for drift that it finds, and resolves it when it is gone', async () => {
  await scheduling().add({ ...NIGHTLY, onDrift: 'incident' });
  tree.write('/opt/orders-db/releases/1.4.1/bin/extra', '#!/bin/sh');
  now += DAY_MS;
  await scheduling().round();
  await answerScan();
  await scheduling().round();
  expect(open.get('drift:db01')).toBe('drift: 1 difference between db01 and what it should be, in orders-db');
  tree.remove('/opt/orders-db/releases/1.4.1/bin/extra');
  now += DAY_MS;
  await scheduling().round();
  await answerScan();
  await scheduling().round();
  expect([...open]).toEqual([]);
});

it('only reports where nobody asked for incidents', async () => {
  await scheduling().add({ ...NIGHTLY, onDrift: 'report' });
  tree.write('/opt/orders-db/releases/1.4.1/bin/extra', '#!/bin/sh');
  now += DAY_MS;
  await scheduling().round();
  await answerScan();
  await scheduling().round();
  expect([...open]).toEqual([]);
  expect((await asked())[0]?.judgedAt).not.toBeNull();
});

it('says that a host could not be scanned', async () => {
  await scheduling().add({ ...NIGHTLY, onDrift: 'incident' });
  now += DAY_MS;
  await scheduling().round();
  const [request] = await asked();
  await verification.scanFailed({ hostId, request: request?.id ?? '', message: 'the disk is gone' });
  await scheduling().round();
  expect(open.get('drift:db01')).toBe('db01 could not be scanned');
});

it('refuses what cannot be, and the same name twice, and ends when it is removed', async () => {
  const bad = await scheduling().add({ ...NIGHTLY, select: 'host.', cron: 'x', onDrift: 'report' });
  expect(bad).toMatchObject({
    error: { code: 'bad-schedule', message: expect.stringMatching(/fields.*; .*cannot be used/) },
  });
  const none = await scheduling().add({ ...NIGHTLY, select: 'false', onDrift: 'report' });
  expect(none).toMatchObject({ error: { code: 'bad-schedule', message: 'the condition "false" selects no host' } });
  await scheduling().add({ ...NIGHTLY, onDrift: 'report' });
  expect(await scheduling().add({ ...NIGHTLY, onDrift: 'report' })).toMatchObject({
    error: { code: 'schedule-exists' },
  });
  expect(await scheduling().remove({ name: 'nightly', by: 'anna' })).toMatchObject({ ok: true });
  expect(await scheduling().remove({ name: 'nightly', by: 'anna' })).toMatchObject({
    error: { code: 'unknown-schedule' },
  });
  now += DAY_MS;
  await scheduling().round();
  expect(await asked()).toEqual([]);
});

it('tells of a host that a run calls patched and whose files say otherwise, until a scan finds the bundle whole', async () => {
  await store.db.insert(plans).values({ digest: 'sha256:1', name: 'night', author: 'olga', header: '{}' });
  for (const run of ['r1', 'r2']) {
    if (run === 'r2')
      await store.db.insert(plans).values({ digest: 'sha256:2', name: 'night', author: 'olga', header: '{}' });
    const plan = run === 'r1' ? 'sha256:1' : 'sha256:2';
    await store.db.insert(runs).values({ id: run, plan, state: 'succeeded', startedBy: 'olga' });
  }
  const scanAfter = async (run: string) => {
    await verification.scan({ host: 'db01', by: `run ${run}`, run });
    const [request] = await store.db.select().from(observations).where(eq(observations.run, run));
    const { scan } = await scanAndUpload(server, hostId, tree, APPLICATION_PROFILE);
    await verification.scanReady({ hostId, request: request?.id ?? '', scan });
    await scheduling().round();
  };
  lacks = { bundle: 'nov', lacks: ['openssl 3.0.14, not 3.0.15'] };
  await scanAfter('r1');
  expect([...open]).toEqual([['bundle:db01', 'bundle nov is not whole on db01, which r1 has patched']]);
  lacks = { bundle: 'nov', lacks: [] };
  await scanAfter('r2');
  expect([...open]).toEqual([]);
});
