import { createIncidents } from '@tidemark/controller/incidents/service.ts';
import type { PlanSpec } from '@tidemark/controller/orchestrator/testing/random-plan.ts';
import type { Fate } from '@tidemark/controller/orchestrator/testing/simulated-agent.ts';
import * as audit from '@tidemark/controller/store/audit.ts';
import { createIncidentStore } from '@tidemark/controller/store/incidents.ts';
import * as schema from '@tidemark/controller/store/schema.ts';
import { present } from '@tidemark/shared/base/assert.ts';
import { eq } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { testStores } from '../support/database.ts';
import { World } from './orchestrator-world.ts';

const freshStore = testStores();

const JOBS = ['prepare', 'stop', 'patch', 'start', 'verify'].map(id => ({ id }));
const OK: Fate = 'ok';

/** Two waves, a rolling tier and an application across two hosts. */
const PLAN: PlanSpec = {
  hosts: [
    { name: 'app01', wave: 'first', jobs: JOBS },
    { name: 'app02', wave: 'first', jobs: JOBS },
    { name: 'led01', wave: 'second', unit: 'ledger', application: 'ledger', jobs: JOBS },
    { name: 'led02', wave: 'second', unit: 'ledger', application: 'ledger', jobs: JOBS },
  ],
  waves: [
    { name: 'first', needs: [], maxParallel: 2, soakMs: 0 },
    { name: 'second', needs: ['first'], maxParallel: 2, soakMs: 30_000 },
  ],
  limits: [{ hosts: ['app01', 'app02'], maxOut: 1 }],
  precedences: [
    { before: ['led01', 'stop'], after: ['led02', 'stop'] },
    { before: ['led02', 'start'], after: ['led01', 'start'] },
  ],
};

const HOSTS = ['app01', 'app02', 'led01', 'led02'];
const ONCE = [1, 1, 1, 1, 1];

describe('a run over the real store', () => {
  it('patches every host, tells it in events, and leaves an intact audit and an empty outbox', async () => {
    const world = await World.make(await freshStore(), PLAN);
    const orchestrator = world.orchestrator();
    const run = await world.apply(orchestrator);
    const view = await world.play(() => orchestrator, run);
    expect(view).toMatchObject({ state: 'succeeded', reason: 'all 4 hosts are done', openIncidents: 0 });
    expect(view.hosts.map(host => host.state)).toEqual(['succeeded', 'succeeded', 'succeeded', 'succeeded']);
    for (const host of HOSTS) expect(world.starts(host)).toEqual(ONCE);
    expect([...world.agents.values()].flatMap(agent => agent.refusals)).toEqual([]);

    const log = await orchestrator.events({ run, afterId: 0, limit: 1000 });
    const told = (log?.events ?? []).map(event => [event.host, event.event].filter(Boolean).join(' '));
    expect(log?.ended).toBe(true);
    expect(told[0]).toBe('run-started');
    expect(told.at(-1)).toBe('run-succeeded');
    expect(told.filter(text => text === 'wave-opened' || text === 'wave-ended')).toHaveLength(4);
    for (const host of HOSTS) {
      for (const event of ['released', 'started', 'succeeded']) {
        expect(told.filter(text => text === `${host} ${event}`)).toHaveLength(5);
      }
    }
    expect(await audit.verify(world.store.db)).toMatchObject({ intact: true });
    expect(await world.outboxLeft()).toBe(0);
  });

  it('goes on where it was after a restart between any two steps', async () => {
    const world = await World.make(await freshStore(), PLAN, { app02: [OK, 'fail-once', OK, OK, OK] });
    const run = await world.apply(world.orchestrator());
    for (let turn = 0; turn < 200; turn++) {
      await world.orchestrator('c').tick();
      await world.deliver();
      await world.orchestrator('c').tick();
      world.pass(10_000);
      await world.report(world.orchestrator('c'));
      if ((await world.orchestrator('c').view(run))?.endedAt) break;
    }
    // app02 has no retry, so its job fails for good and the host is taken back.
    const view = await world.orchestrator().view(run);
    expect(view?.state).toBe('failed');
    expect(view?.hosts.map(host => host.state)).toEqual(['succeeded', 'undone', 'skipped', 'skipped']);
    expect(world.starts('app01')).toEqual(ONCE);
    expect(world.starts('app02')).toEqual([1, 1, 0, 0, 0]);
  });

  it('sends again what a process that died had sent and not marked, and no job runs twice for it', async () => {
    const world = await World.make(await freshStore(), PLAN);
    const orchestrator = world.orchestrator();
    const run = await world.apply(orchestrator);
    const forgetful = () => world.store.db.update(schema.outbox).set({ sentAt: null });
    const view = await (async () => {
      for (let turn = 0; turn < 200; turn++) {
        await world.turn(orchestrator);
        await forgetful();
        const now = await orchestrator.view(run);
        if (now?.endedAt) return now;
      }
      throw new Error('the run has not ended');
    })();
    expect(view.state).toBe('succeeded');
    for (const host of HOSTS) expect(world.starts(host)).toEqual(ONCE);
  });

  it('notices what was stored behind its back, and goes on from what is stored', async () => {
    const world = await World.make(await freshStore(), PLAN);
    const orchestrator = world.orchestrator();
    const run = await world.apply(orchestrator);
    for (let turn = 0; turn < 4; turn++) await world.turn(orchestrator);
    await world.store.db
      .update(schema.runHosts)
      .set({ heldBecause: 'somebody wrote into the database' })
      .where(eq(schema.runHosts.hostName, 'app02'));
    await orchestrator.tick();
    world.pass(600_000);
    await expect(orchestrator.tick()).rejects.toMatchObject({
      cause: { message: expect.stringContaining(`what was known of app02 in run ${run} was not what is stored`) },
    });
    await orchestrator.tick();
    expect((await orchestrator.view(run))?.hosts.find(host => host.host === 'app02')?.reason).toContain('somebody');
  });

  it('takes reports that come twice, late and from an old stream for what they are', async () => {
    const world = await World.make(await freshStore(), PLAN);
    const orchestrator = world.orchestrator();
    const run = await world.apply(orchestrator);
    const app01 = world.agent('app01');
    const all: Parameters<typeof orchestrator.record>[0]['reports'][number][] = [];
    for (let turn = 0; turn < 100; turn++) {
      await orchestrator.tick();
      await world.deliver();
      world.pass(10_000);
      all.push(...app01.spool);
      await world.report(orchestrator, 2);
      const before = await orchestrator.view(run);
      const stored = await orchestrator.record({ hostId: app01.id, reports: all.toReversed() });
      expect(stored).toBe(all.length);
      expect(await orchestrator.view(run)).toEqual(before);
      if (before?.endedAt) break;
    }
    const log = await orchestrator.events({ run, afterId: 0, limit: 1000 });
    const ends = (log?.events ?? []).filter(event => event.host === 'app01' && event.event === 'succeeded');
    expect(ends.map(event => event.job)).toEqual(['prepare', 'stop', 'patch', 'start', 'verify']);
  });

  it('acknowledges nothing beyond a number that is missing, unless the agent says hello without it', async () => {
    const world = await World.make(await freshStore(), PLAN);
    const orchestrator = world.orchestrator();
    await world.apply(orchestrator);
    await orchestrator.tick();
    await world.deliver();
    const agent = world.agent('app01');
    const [first] = agent.spool;
    expect(first?.sequence).toBe(1);
    const late = agent.spool.map(report => ({ ...report, sequence: report.sequence + 6 }));
    expect(await orchestrator.record({ hostId: agent.id, reports: late })).toBe(0);
    expect((await world.host('app01')).acceptedAt).toBeNull();
    await orchestrator.onHello({ hostId: agent.id, standings: [] });
    expect(await orchestrator.record({ hostId: agent.id, reports: late })).toBe(7);
    expect((await world.host('app01')).acceptedAt).not.toBeNull();
  });

  it('learns from a report of a job that it never released, as after the database was restored', async () => {
    const world = await World.make(await freshStore(), PLAN);
    const orchestrator = world.orchestrator();
    const run = await world.apply(orchestrator);
    const agent = world.agent('app01');
    agent.simulated.offer();
    agent.say({
      type: 'job',
      orderDigest: world.plan.orders.find(({ order }) => order.host.name === 'app01')?.digest ?? 'sha256:',
      job: 2,
      attempt: 1,
      direction: 'forward',
      kind: 'started',
      message: '',
      facts: null,
      output: null,
    });
    await world.report(orchestrator);
    expect(await world.host('app01')).toMatchObject({ frontier: 3 });
    const host = (await orchestrator.view(run))?.hosts.find(({ host: name }) => name === 'app01');
    expect(host).toMatchObject({ state: 'running', frontier: 3 });
  });

  it('does not mind reports of orders, jobs and hosts that it does not know', async () => {
    const world = await World.make(await freshStore(), PLAN);
    const orchestrator = world.orchestrator();
    await world.apply(orchestrator);
    const agent = world.agent('app01');
    const stranger = `sha256:${'9'.repeat(64)}` as const;
    agent.say({ type: 'order-accepted', orderDigest: stranger });
    agent.say({ type: 'order-finished', orderDigest: stranger, direction: 'forward' });
    const other = world.plan.orders.find(({ order }) => order.host.name === 'app02')?.digest ?? stranger;
    agent.say({ type: 'order-accepted', orderDigest: other });
    await world.report(orchestrator);
    expect(agent.spool).toEqual([]);
    expect((await world.host('app02')).acceptedAt).toBeNull();
    const nobody = '00000000-0000-4000-8000-000000000000';
    expect(
      await orchestrator.record({
        hostId: nobody,
        reports: [{ sequence: 1, atMs: 0, body: { type: 'order-accepted', orderDigest: other } }],
      }),
    ).toBe(0);
  });

  it('offers and releases again what a connection swallowed, once the agent says hello', async () => {
    const world = await World.make(await freshStore(), PLAN);
    const orchestrator = world.orchestrator();
    const run = await world.apply(orchestrator);
    const hello = async () => {
      for (const agent of world.agents.values()) {
        await orchestrator.onHello({ hostId: agent.id, standings: agent.standings() });
      }
    };
    await orchestrator.tick();
    await world.deliver(() => true);
    await hello();
    await world.deliver();
    await world.report(orchestrator);
    await orchestrator.tick();
    await world.deliver((_, message) => message.type === 'dispatch');
    expect(world.starts('app01')).toEqual([0, 0, 0, 0, 0]);
    await hello();
    const view = await world.play(() => orchestrator, run);
    expect(view.state).toBe('succeeded');
  });

  it('offers and releases again what a connection swallowed after the agent said hello to another controller', async () => {
    const world = await World.make(await freshStore(), PLAN);
    const orchestrator = world.orchestrator();
    const run = await world.apply(orchestrator);
    const swallowed = new Set<string>();
    const once = (hostId: string, { type }: { type: string }) => {
      if (type !== 'order-offer' && type !== 'dispatch') return false;
      const isNew = !swallowed.has(`${hostId} ${type}`);
      swallowed.add(`${hostId} ${type}`);
      return isNew;
    };
    let view = null;
    for (let turn = 0; turn < 200 && !view?.endedAt; turn++) {
      await orchestrator.tick();
      await world.deliver(once);
      world.pass(10_000);
      await world.report(orchestrator);
      view = await orchestrator.view(run);
    }
    expect(view).toMatchObject({ state: 'succeeded', openIncidents: 0 });
    expect(swallowed.size).toBe(2 * HOSTS.length);
    for (const host of HOSTS) expect(world.starts(host)).toEqual(ONCE);
  });
});

describe('two controllers on one database', () => {
  it('decide and dispatch as one', async () => {
    const world = await World.make(await freshStore(), PLAN);
    const pair = [world.orchestrator('one'), world.orchestrator('two')] as const;
    const run = await world.apply(pair[0]);
    for (let turn = 0; turn < 100; turn++) {
      await Promise.all(pair.map(orchestrator => orchestrator.tick()));
      await world.deliver();
      world.pass(10_000);
      await world.report(pair[turn % 2 === 0 ? 0 : 1]);
      if ((await pair[0].view(run))?.endedAt) break;
    }
    const log = await pair[1].events({ run, afterId: 0, limit: 1000 });
    expect((await pair[0].view(run))?.state).toBe('succeeded');
    expect((log?.events ?? []).filter(event => event.event === 'released')).toHaveLength(20);
    const leases = await world.store.db.select().from(schema.leases);
    expect(leases.map(({ name, epoch }) => ({ name, epoch }))).toEqual([{ name: `run:${run}`, epoch: 1 }]);
  });

  it('lets only the one with the lease decide, and the other once it has run out, under a higher epoch', async () => {
    const world = await World.make(await freshStore(), PLAN);
    const [one, two] = [world.orchestrator('one'), world.orchestrator('two')];
    await world.apply(one);
    await one.tick();
    const before = await world.store.db.select().from(schema.outbox);
    await world.deliver();
    await world.report(one);
    await two.tick();
    expect(await world.store.db.select().from(schema.outbox)).toHaveLength(before.length);
    await world.store.db.update(schema.leases).set({ expiresAt: new Date(0) });
    await two.tick();
    await world.deliver();
    expect(world.agent('app01').mark.epoch).toBe(2);
    const after = await world.store.db.select().from(schema.outbox);
    await one.tick();
    expect(await world.store.db.select().from(schema.outbox)).toHaveLength(after.length);
  });

  it('gives a second run a higher epoch than any before it, since agents remember the highest', async () => {
    const store = await freshStore();
    const world = await World.make(store, PLAN);
    await world.store.db
      .insert(schema.leases)
      .values({ name: 'run:r0', holder: 'x', epoch: 41, expiresAt: new Date(0) });
    const orchestrator = world.orchestrator();
    await world.play(() => orchestrator, await world.apply(orchestrator));
    expect(world.agent('app01').mark.epoch).toBe(42);
  });
});

describe('what people do to a run', () => {
  it('pauses so that hosts that have begun come to their end and no other begins, and goes on when resumed', async () => {
    const world = await World.make(await freshStore(), PLAN);
    const orchestrator = world.orchestrator();
    const run = await world.apply(orchestrator);
    await world.turn(orchestrator);
    await world.turn(orchestrator);
    expect(await orchestrator.pause({ run, by: 'olga', reason: 'the bank calls' })).toMatchObject({ ok: true });
    for (let turn = 0; turn < 40; turn++) await world.turn(orchestrator);
    const paused = await orchestrator.view(run);
    expect(paused).toMatchObject({ state: 'paused', reason: 'paused by olga: the bank calls' });
    expect(paused?.hosts.map(host => host.state)).toEqual(['succeeded', 'waiting', 'waiting', 'waiting']);
    await orchestrator.resume({ run, by: 'olga', reason: '' });
    expect((await world.play(() => orchestrator, run)).state).toBe('succeeded');
    const names = (await orchestrator.events({ run, afterId: 0, limit: 1000 }))?.events.map(event => event.event);
    expect(names).toEqual(expect.arrayContaining(['run-paused', 'run-resumed']));
  });

  it('stops so that what has begun ends and the rest is cancelled', async () => {
    const world = await World.make(await freshStore(), PLAN);
    const orchestrator = world.orchestrator();
    const run = await world.apply(orchestrator);
    await world.turn(orchestrator);
    await world.turn(orchestrator);
    await orchestrator.stop({ run, by: 'olga', reason: '' });
    const view = await world.play(() => orchestrator, run);
    expect(view.state).toBe('stopped');
    expect(view.hosts.map(host => host.state)).toEqual(['succeeded', 'skipped', 'skipped', 'skipped']);
    const events = (await orchestrator.events({ run, afterId: 0, limit: 1000 }))?.events ?? [];
    expect(events.filter(event => event.event === 'cancelled')).toHaveLength(15);
    expect(events.at(-1)?.event).toBe('run-stopped');
    expect(await orchestrator.pause({ run, by: 'olga', reason: '' })).toMatchObject({
      ok: false,
      error: { code: 'run-ended' },
    });
  });

  it('stays with a person where a job may not be judged by a rule, and ends when that is resolved', async () => {
    const world = await World.make(await freshStore(), PLAN, { app01: [OK, 'unknown'] });
    const orchestrator = world.orchestrator();
    const run = await world.apply(orchestrator);
    for (let turn = 0; turn < 30; turn++) await world.turn(orchestrator);
    const held = await orchestrator.view(run);
    expect(held).toMatchObject({ state: 'running', openIncidents: 1 });
    expect(held?.hosts.map(host => host.state)).toEqual(['held', 'waiting', 'waiting', 'waiting']);
    const incidents = createIncidents({ store: createIncidentStore(world.store), clock: world.clock });
    const [incident] = await incidents.list({ state: 'open' });
    expect(incident?.title).toBe('stop on app01 ended and nobody can say how: unknown');
    const id = incident?.id ?? 0;
    const { key } = present(incident, 'the incident');
    expect(await incidents.withKey(key.slice(0, -1))).toEqual([{ id, key, state: 'open' }]);
    expect(await incidents.withKey(key.replace(/./, '_'))).toEqual([]);
    expect(await incidents.resolve({ id, by: 'olga', reason: 'started by hand' })).toMatchObject({ ok: true });
    expect(await incidents.resolve({ id, by: 'olga', reason: 'again' })).toMatchObject({
      ok: false,
      error: { code: 'already-resolved' },
    });
    expect(await incidents.resolve({ id: 999, by: 'olga', reason: '' })).toMatchObject({
      error: { code: 'unknown-incident' },
    });
    expect((await world.play(() => orchestrator, run)).state).toBe('failed');
  });

  it('stops the second wave where the first one failed, and takes the failed host back', async () => {
    const world = await World.make(await freshStore(), PLAN, { app01: [OK, OK, OK, OK, 'fail'] });
    const orchestrator = world.orchestrator();
    const run = await world.apply(orchestrator);
    const view = await world.play(() => orchestrator, run);
    expect(view.state).toBe('failed');
    expect(view.hosts.map(host => host.state)).toEqual(['undone', 'skipped', 'skipped', 'skipped']);
    expect(world.starts('led01')).toEqual([0, 0, 0, 0, 0]);
    const [incident] = await world.store.db.select().from(schema.incidents);
    expect(incident?.title).toBe('verify on app01 failed: failed');
  });
});

describe('what may not become a run', () => {
  const attempt = async (world: World) => world.orchestrator().apply({ plan: world.plan.digest, by: 'olga' });

  it('is a plan that nobody knows', async () => {
    const world = await World.make(await freshStore(), PLAN);
    const plan = `sha256:${'5'.repeat(64)}`;
    expect(await world.orchestrator().apply({ plan, by: 'olga' })).toMatchObject({ error: { code: 'unknown-plan' } });
  });

  it('is a plan without enough approvals, and it says how many it has', async () => {
    const world = await World.make(await freshStore(), PLAN, {}, { approved: false });
    const result = await attempt(world);
    expect(result).toMatchObject({ error: { code: 'not-approved' } });
    expect(result.ok ? '' : result.error.message).toContain('need 1 approvals and have 0');
    expect(await world.store.db.select().from(schema.runs)).toEqual([]);
    expect(await world.store.db.select().from(schema.audit)).toEqual([]);
  });

  it('is a plan whose window is over', async () => {
    const world = await World.make(await freshStore(), PLAN);
    world.now = world.plan.header.window.end;
    expect(await attempt(world)).toMatchObject({ error: { code: 'window-over' } });
  });

  it('is a plan that ran', async () => {
    const world = await World.make(await freshStore(), PLAN);
    const run = await world.apply(world.orchestrator());
    const result = await attempt(world);
    expect(result).toMatchObject({ error: { code: 'already-run' } });
    expect(result.ok ? '' : result.error.message).toContain(run);
  });

  it('is a plan with a host that is no longer enrolled', async () => {
    const world = await World.make(await freshStore(), PLAN);
    await world.store.db.update(schema.hosts).set({ state: 'banned' });
    expect(await attempt(world)).toMatchObject({ error: { code: 'hosts-unknown' } });
  });

  it('is a plan that another process begins at the same moment', async () => {
    const world = await World.make(await freshStore(), PLAN);
    const results = await Promise.all([attempt(world), attempt(world), attempt(world)]);
    expect(results.filter(result => result.ok)).toHaveLength(1);
    expect(await world.store.db.select().from(schema.runs)).toHaveLength(1);
  });

  it('is a plan with a host that is in another run, and it says which, until that has ended', async () => {
    const world = await World.make(await freshStore(), PLAN);
    const other = await World.beside(world, {
      hosts: [
        // Orders with the same bytes would be one order.
        { name: 'app02', jobs: JOBS.slice(0, 1) },
        { name: 'web01', jobs: JOBS },
      ],
    });
    const orchestrator = world.orchestrator();
    const [first, second] = await Promise.all([attempt(world), attempt(other)]);
    expect([first, second].filter(result => result?.ok)).toHaveLength(1);
    const [running, refused] = first.ok ? [first, second] : [second, first];
    const run = running.ok ? running.value.run : '';
    expect(refused).toMatchObject({ error: { code: 'hosts-in-use' } });
    expect(refused.ok ? '' : refused.error.message).toBe(
      `another run is at work on app02 (in ${run}): wait for it to end, or stop it`,
    );
    await orchestrator.stop({ run, by: 'olga', reason: '' });
    await orchestrator.tick();
    expect((await orchestrator.view(run))?.state).toBe('stopped');
    expect(await attempt(first.ok ? other : world)).toMatchObject({ ok: true });
  });
});
