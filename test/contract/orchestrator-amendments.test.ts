import { generateKeyPairSync } from 'node:crypto';
import { createIncidents } from '@tidemark/controller/incidents/service.ts';
import type { PlanSpec } from '@tidemark/controller/orchestrator/testing/random-plan.ts';
import type { Fate } from '@tidemark/controller/orchestrator/testing/simulated-agent.ts';
import * as audit from '@tidemark/controller/store/audit.ts';
import { createIncidentStore } from '@tidemark/controller/store/incidents.ts';
import { createLiveOutputStore } from '@tidemark/controller/store/live-output.ts';
import * as schema from '@tidemark/controller/store/schema.ts';
import { describe, expect, it } from 'vitest';
import { testStores } from '../support/database.ts';
import { World } from './orchestrator-world.ts';

const freshStore = testStores();
const JOBS = ['prepare', 'stop', 'patch', 'start', 'verify'].map(id => ({ id, onFailure: 'hold' as const }));
const PAIR: PlanSpec = {
  hosts: [
    { name: 'db01', cluster: 'db', jobs: JOBS },
    { name: 'db02', cluster: 'db', jobs: JOBS },
  ],
  limits: [{ hosts: ['db01', 'db02'], maxOut: 1 }],
  clusters: [{ name: 'db', onFailure: 'hold-cluster' }],
};
const OK: Fate = 'ok';
/** Fails at the first attempt; there is no retry in the order. */
const BROKEN: readonly Fate[] = [OK, OK, 'fail-once', OK, OK];

async function stuck(spec: PlanSpec = PAIR, fates: readonly Fate[] = BROKEN) {
  const world = await World.make(await freshStore(), spec, { db01: fates, db02: [] });
  const orchestrator = world.orchestrator();
  const run = await world.apply(orchestrator);
  for (let turn = 0; turn < 12; turn++) await world.turn(orchestrator);
  const view = await orchestrator.view(run);
  expect(view?.hosts[0]).toMatchObject({ state: 'held' });
  return { world, orchestrator, run };
}

describe('what people sign beyond an order', () => {
  it('has a job done again that failed, lets its cluster go on, and is told with author and reason', async () => {
    const { world, orchestrator, run } = await stuck();
    const sent = await orchestrator.amend({
      run,
      host: 'db01',
      envelope: world.sign('db01', 'retry', 'patch'),
      by: 'olga',
    });
    expect(sent).toMatchObject({ ok: true, value: { action: 'retry', by: ['ada'] } });
    const view = await world.play(() => orchestrator, run);
    expect(view).toMatchObject({ state: 'succeeded', openIncidents: 0 });
    expect(world.starts('db01')).toEqual([1, 1, 2, 1, 1]);
    expect(view.hosts[0]?.jobs[2]).toMatchObject({ state: 'succeeded', attempt: 2 });
    const log = await orchestrator.events({ run, afterId: 0, limit: 1000 });
    const told = (log?.events ?? []).filter(({ event }) => event.startsWith('amendment')).map(event => event.message);
    expect(told).toEqual(['retry "patch on db01" by ada: because I looked', 'retry "patch on db01": because I looked']);
    const entries = await audit.list(world.store.db, { after: 0, limit: 500 });
    expect(entries.find(entry => entry.action === 'amendment.retry')).toMatchObject({ actor: 'ada', subject: run });
    expect(await audit.verify(world.store.db)).toMatchObject({ intact: true });
  });

  it('goes back to an earlier job, also where a controller dies in between and messages are lost', async () => {
    const { world, orchestrator, run } = await stuck();
    await orchestrator.amend({ run, host: 'db01', envelope: world.sign('db01', 'retry', 'stop'), by: 'olga' });
    await world.deliver(() => true);
    const other = world.orchestrator('controller-1');
    for (const agent of world.agents.values()) await other.onHello({ hostId: agent.id, standings: agent.standings() });
    const view = await world.play(() => world.orchestrator('controller-1'), run);
    expect(view.state).toBe('succeeded');
    expect(world.starts('db01')).toEqual([1, 2, 2, 1, 1]);
  });

  it('fails again where it fails again, with an incident of its own', async () => {
    const { world, orchestrator, run } = await stuck(PAIR, [OK, OK, 'fail', OK, OK]);
    await orchestrator.amend({ run, host: 'db01', envelope: world.sign('db01', 'retry', 'patch'), by: 'olga' });
    for (let turn = 0; turn < 6; turn++) await world.turn(orchestrator);
    expect(await orchestrator.view(run)).toMatchObject({ state: 'running', openIncidents: 1 });
    expect(world.starts('db01')).toEqual([1, 1, 2, 0, 0]);
  });

  it.each([
    ['skip', 'skipped'],
    ['done', 'succeeded'],
  ] as const)('goes on behind a job that somebody settles by "%s"', async (action, state) => {
    const alone: PlanSpec = {
      hosts: [
        { name: 'db01', jobs: JOBS },
        { name: 'db02', jobs: JOBS },
      ],
    };
    const { world, orchestrator, run } = await stuck(alone);
    await orchestrator.amend({ run, host: 'db01', envelope: world.sign('db01', action, 'patch'), by: 'olga' });
    const view = await world.play(() => orchestrator, run);
    expect(view.state).toBe('succeeded');
    expect(view.hosts[0]?.jobs[2]).toMatchObject({ state, attempt: 1 });
    expect(view.hosts[0]?.jobs[2]?.message).toContain('by ada: because I looked');
    expect(world.starts('db01')).toEqual([1, 1, 1, 1, 1]);
  });

  it('takes a host back', async () => {
    const { world, orchestrator, run } = await stuck();
    await orchestrator.amend({ run, host: 'db01', envelope: world.sign('db01', 'undo', null), by: 'olga' });
    const view = await world.play(() => orchestrator, run);
    expect(view.hosts[0]?.state).toBe('undone');
  });
});

describe('what somebody sees who is called', () => {
  it('is the job, its peers, what is held, what has no spare, and the commands that would be taken', async () => {
    const { world, orchestrator, run } = await stuck();
    const situation = await orchestrator.situation({ run, host: 'db01', position: 2 });
    expect(situation?.peers).toEqual([{ host: 'db02', state: 'held', reason: expect.stringContaining('db01 failed') }]);
    expect(situation?.held).toEqual(['db02: cluster db is held: db01 failed']);
    expect(situation?.noSpare[0]).toContain('cluster db needs 1 healthy members beside it and has 0');
    expect(situation?.actions).toEqual([
      `tidemark run retry ${run} db01 patch --reason TEXT --key FILE`,
      `tidemark run done ${run} db01 patch --reason TEXT --key FILE`,
      `tidemark run undo ${run} db01 --reason TEXT --key FILE`,
      `tidemark run pause ${run} --reason TEXT`,
      `tidemark run stop ${run} --reason TEXT`,
      `tidemark run stop ${run} --undo --reason TEXT`,
    ]);
    const incidents = createIncidents({ store: createIncidentStore(world.store), clock: world.clock });
    const [incident] = await incidents.list({ state: 'open' });
    expect(incident).toMatchObject({ host: 'db01', position: 2, direction: 'forward', alike: 0, takenBy: null });
    const id = incident?.id ?? 0;
    expect(await incidents.take({ id, by: 'olga' })).toMatchObject({ ok: true, value: { takenBy: 'olga' } });
    await incidents.comment({ id, by: 'olga', text: 'the disk was full' });
    await incidents.resolve({ id, by: 'olga', reason: 'made room' });
    expect(await incidents.get(id)).toMatchObject({
      ...{ state: 'resolved', resolvedBy: 'olga', resolution: 'made room' },
      comments: [{ by: 'olga', text: 'the disk was full' }],
    });
    expect(await incidents.take({ id, by: 'olga' })).toMatchObject({ error: { code: 'already-resolved' } });
  });

  it('is what a job has written while it runs, and its result afterwards', async () => {
    const world = await World.make(await freshStore(), { hosts: [{ name: 'db01', jobs: JOBS }] });
    const orchestrator = world.orchestrator();
    const run = await world.apply(orchestrator);
    for (let turn = 0; turn < 3; turn++) await world.turn(orchestrator);
    const { orderDigest, hostId } = await world.host('db01');
    const live = createLiveOutputStore(world.store);
    const output = { orderDigest: orderDigest as never, position: 1, attempt: 1, size: 4 };
    const bytes = Buffer.from('half');
    const told = async () => {
      const job = await orchestrator.job({ run, host: 'db01', position: 1, direction: 'forward' });
      return Buffer.from(job?.head ?? '', 'base64').toString();
    };
    await world.store.db.update(schema.runJobs).set({ state: 'running', attempt: 1 });
    await live.save(hostId, { ...output, head: bytes, tail: bytes });
    expect(await told()).toBe('half');
    await world.store.db.update(schema.runJobs).set({ state: 'succeeded' });
    await live.save(hostId, { ...output, head: Buffer.from('late'), tail: bytes });
    expect(await told()).toBe('half');
  });
});

describe('a decision that does not count', () => {
  it('is one that nobody signed whom the trust root names', async () => {
    const { world, orchestrator, run } = await stuck();
    const stranger = generateKeyPairSync('ed25519').privateKey;
    const envelope = world.sign('db01', 'retry', 'patch', [stranger]);
    expect(await orchestrator.amend({ run, host: 'db01', envelope, by: 'olga' })).toMatchObject({
      error: { code: 'not-signed' },
    });
  });

  it('is one about another host, one that is too old, and one that was handed in before', async () => {
    const { world, orchestrator, run } = await stuck();
    const other = world.sign('db02', 'retry', 'patch');
    expect(await orchestrator.amend({ run, host: 'db01', envelope: other, by: 'olga' })).toMatchObject({ ok: false });
    const envelope = world.sign('db01', 'retry', 'patch');
    expect(await orchestrator.amend({ run, host: 'db01', envelope, by: 'olga' })).toMatchObject({ ok: true });
    expect(await orchestrator.amend({ run, host: 'db01', envelope, by: 'olga' })).toMatchObject({
      error: { message: expect.stringContaining('handed in before') },
    });
    world.now += 3_700_000;
    const late = await orchestrator.amend({ run, host: 'db01', envelope, by: 'olga' });
    expect(late).toMatchObject({ error: { message: expect.stringContaining('expired') } });
  });

  it('is refused by the name of the rule that it would break', async () => {
    const { world, orchestrator, run } = await stuck();
    const refused = async (host: string, action: 'retry' | 'skip' | 'undo', job: string | null) => {
      const result = await orchestrator.amend({ run, host, envelope: world.sign(host, action, job), by: 'olga' });
      return result.ok ? 'taken' : result.error.message;
    };
    expect(await refused('db01', 'retry', 'verify')).toContain('only a job at or before one that failed');
    expect(await refused('db01', 'skip', 'prepare')).toContain('is not ahead of db01 any more');
    expect(await refused('db01', 'skip', 'verify')).toContain('cluster db: without it nobody knows that db01 is well');
    expect(await refused('db02', 'undo', null)).toContain('nothing was done on db02');
    world.now += 50 * 60_000;
    expect(await refused('db01', 'retry', 'prepare')).not.toContain('window');
    world.now += 8 * 60_000;
    expect(await refused('db01', 'retry', 'prepare')).toContain('window: 4 min with the reserve do not fit');
  });
});
