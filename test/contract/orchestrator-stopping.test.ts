import type { PlanSpec } from '@tidemark/controller/orchestrator/testing/random-plan.ts';
import * as schema from '@tidemark/controller/store/schema.ts';
import type { Gate } from '@tidemark/shared/orders/plan.ts';
import { signApproval } from '@tidemark/shared/signing/approval.ts';
import { encodeEnvelope } from '@tidemark/shared/signing/dsse.ts';
import { eq, sql } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { testStores } from '../support/database.ts';
import { World } from './orchestrator-world.ts';

const freshStore = testStores();
const JOBS = ['stop', 'patch', 'start'].map(id => ({ id, expectedMs: 20_000 }));

describe('a run that is stopped with undo', () => {
  it('takes back what is half done first, then what is done, by its limits, and says who wanted it and why', async () => {
    const spec: PlanSpec = {
      // The others are still at work when the first two are done.
      hosts: ['app01', 'app02', 'app03', 'app04'].map((name, index) => ({
        name,
        jobs: JOBS.map(job => ({ ...job, expectedMs: index < 2 ? 20_000 : 70_000 })),
      })),
      waves: [{ name: 'all', needs: [], maxParallel: 3, soakMs: 0 }],
      limits: [{ hosts: ['app01', 'app02'], maxOut: 1 }],
    };
    const world = await World.make(await freshStore(), spec);
    const orchestrator = world.orchestrator();
    const run = await world.apply(orchestrator);
    const doneNow = async () =>
      (await orchestrator.view(run))?.hosts.filter(({ state }) => state === 'succeeded').map(({ host }) => host) ?? [];
    for (let turn = 0; turn < 60 && (await doneNow()).length < 2; turn++) await world.turn(orchestrator);
    const done = await doneNow();
    const half = (await orchestrator.view(run))?.hosts
      .filter(({ state }) => state === 'running')
      .map(({ host }) => host);
    expect(half?.length).toBeGreaterThan(0);
    const stopped = await orchestrator.stop({ run, by: 'olga', reason: 'the shop is slow', undo: true });
    expect(stopped).toMatchObject({ ok: true });
    // Only further back, never halfway: a plain stop changes nothing any more, and nobody can resume it.
    expect(await orchestrator.stop({ run, by: 'olga', reason: '' })).toMatchObject({ error: { code: 'not-now' } });
    expect(await orchestrator.resume({ run, by: 'olga', reason: '' })).toMatchObject({ error: { code: 'not-now' } });
    await orchestrator.tick();
    const states = new Map((await orchestrator.view(run))?.hosts.map(({ host, state }) => [host, state]));
    for (const host of half ?? []) expect(states.get(host)).toBe('undoing');
    for (const host of done) expect(states.get(host)).toBe('succeeded');
    const view = await world.play(() => orchestrator, run);
    expect(view.state).toBe('stopped');
    expect(view.hosts.map(({ state }) => state).filter(state => state !== 'undone' && state !== 'skipped')).toEqual([]);
    expect([...world.agents.values()].flatMap(({ refusals }) => refusals)).toEqual([]);
    for (const host of [...done, ...(half ?? [])]) expect(world.agent(host).simulated.standing?.state).toBe('undone');
    const told = (await orchestrator.events({ run, afterId: 0, limit: 1000 }))?.events ?? [];
    expect(told.find(({ event }) => event === 'run-stopping')?.message).toBe(
      'stopped with undo by olga: the shop is slow',
    );
    const audited = await world.store.db.select().from(schema.audit).where(eq(schema.audit.action, 'run.undoing'));
    expect(audited).toMatchObject([{ actor: 'olga', subject: run }]);
  });

  it('lets the job that runs come to its end before it is taken back', async () => {
    const world = await World.make(await freshStore(), { hosts: [{ name: 'app01', jobs: JOBS }] });
    const orchestrator = world.orchestrator();
    const run = await world.apply(orchestrator);
    for (let turn = 0; turn < 4; turn++) await world.turn(orchestrator);
    const { simulated, refusals } = world.agent('app01');
    expect(simulated.standing).toMatchObject({ state: 'running' });
    const before = [...simulated.begun];
    await orchestrator.stop({ run, by: 'olga', reason: '', undo: true });
    const view = await world.play(() => orchestrator, run);
    expect(view).toMatchObject({ state: 'stopped', openIncidents: 0 });
    expect(refusals).toEqual([]);
    expect(simulated.begun).toEqual(before);
    const jobs = view.hosts[0]?.jobs ?? [];
    const last = before.length - 1;
    expect(jobs.find(({ position, direction }) => direction === 'forward' && position === last)?.state).toBe(
      'succeeded',
    );
    expect(jobs.filter(({ direction }) => direction === 'undo').map(({ position }) => position)).toEqual(
      before.map((_, index) => last - index),
    );
  });
});

describe('an approval that runs out', () => {
  const sign = (world: World, gate: string, lifeMs: number) =>
    signApproval(
      {
        ...{ format: 'tidemark/approval/v1', fleet: 'test', plan: world.plan.digest, gate },
        ...{ approvedAt: world.now, expiresAt: world.now + lifeMs },
      },
      world.approver,
    );
  const one = (world: World, of: string[]) => of.filter(name => world.agent(name).simulated.begun.length > 0).length;
  const NAMES = ['web01', 'web02', 'web03'];

  it('in the middle of a wave keeps the hosts that have not begun, asks, and lets them go once it was given anew', async () => {
    const gate: Gate = {
      ...{ kind: 'approval', name: 'owner', from: ['ada'], need: 1, notAuthor: false, expiresMs: null },
      onExpire: 'hold',
    };
    const world = await World.make(await freshStore(), {
      hosts: NAMES.map(name => ({ name, jobs: JOBS })),
      waves: [{ name: 'all', needs: [], maxParallel: 1, soakMs: 0, gates: [gate] }],
    });
    const orchestrator = world.orchestrator();
    const run = await world.apply(orchestrator);
    const approve = (lifeMs: number) =>
      orchestrator.approveWave({ run, wave: 'all', envelope: sign(world, 'wave/all', lifeMs), by: 'olga' });
    await world.turn(orchestrator);
    expect(await approve(60_000)).toMatchObject({ ok: true });
    for (let turn = 0; turn < 20; turn++) await world.turn(orchestrator);
    // The one that had begun came to its end; nobody else began.
    expect(one(world, NAMES)).toBe(1);
    expect((await orchestrator.view(run))?.hosts.map(({ state }) => state).sort()).toEqual([
      'succeeded',
      'waiting',
      'waiting',
    ]);
    const open = await world.store.db.select().from(schema.incidents).where(eq(schema.incidents.state, 'open'));
    expect(open.map(({ title }) => title)).toEqual([
      'wave all: the approval of gate owner has run out, no further host of it starts',
    ]);
    expect(open[0]?.detail).toContain(`tidemark run approve ${run} all --key FILE`);
    expect(await approve(3_600_000)).toMatchObject({ ok: true });
    expect(await world.play(() => orchestrator, run)).toMatchObject({ state: 'succeeded', openIncidents: 0 });
  });

  it('of the plan pauses the run; approved anew it can be resumed', async () => {
    const world = await World.make(
      await freshStore(),
      {
        hosts: NAMES.map(name => ({ name, jobs: JOBS })),
        waves: [{ name: 'all', needs: [], maxParallel: 1, soakMs: 0 }],
      },
      {},
      { approved: false },
    );
    const approve = (lifeMs: number) => {
      const envelope = encodeEnvelope(sign(world, 'plan', lifeMs)).toString('utf8');
      const row = { plan: world.plan.digest, approver: 'ada', envelope };
      return world.store.db
        .insert(schema.approvals)
        .values(row)
        .onConflictDoUpdate({
          target: [schema.approvals.plan, schema.approvals.gate, schema.approvals.approver],
          set: { envelope },
        });
    };
    await approve(60_000);
    const orchestrator = world.orchestrator();
    const run = await world.apply(orchestrator);
    for (let turn = 0; turn < 20; turn++) await world.turn(orchestrator);
    expect(await orchestrator.view(run)).toMatchObject({ state: 'paused', openIncidents: 1 });
    expect(one(world, NAMES)).toBe(1);
    // Resumed without a new one it pauses again, and asks no second time.
    await orchestrator.resume({ run, by: 'olga', reason: '' });
    await world.turn(orchestrator);
    expect(await orchestrator.view(run)).toMatchObject({ state: 'paused', openIncidents: 1 });
    await approve(3_600_000);
    await orchestrator.resume({ run, by: 'olga', reason: 'approved anew' });
    expect(await world.play(() => orchestrator, run)).toMatchObject({ state: 'succeeded', openIncidents: 0 });
  });
});

describe('a claim by a limit over all runs', () => {
  const limits = (host: string) => [{ hosts: [host], maxOut: 1, key: 'cluster/db' }];

  /** A run that has db01 of a cluster out of service, and one that waits for its place. */
  async function two() {
    const first = await World.make(await freshStore(), {
      hosts: [{ name: 'db01', jobs: JOBS }],
      limits: limits('db01'),
    });
    const second = await World.beside(first, { hosts: [{ name: 'db02', jobs: JOBS }], limits: limits('db02') });
    const [mine, theirs] = [first.orchestrator(), second.orchestrator()];
    const run = await first.apply(mine);
    for (let turn = 0; turn < 2; turn++) await first.turn(mine);
    await second.apply(theirs);
    const waits = async () => {
      for (let turn = 0; turn < 3; turn++) {
        await theirs.tick();
        await second.deliver();
        await second.report(theirs);
      }
      return (await second.host('db02')).frontier === 0;
    };
    return { first, second, mine, run, waits };
  }

  const claims = (world: World) => world.store.db.select().from(schema.limitClaims);

  it('counts no more once nobody has renewed it', async () => {
    const { first, waits, run } = await two();
    expect(await claims(first)).toMatchObject([{ key: 'cluster/db', run, hostName: 'db01' }]);
    expect(await waits()).toBe(true);
    // Whoever decided for the first run is gone: nobody renews its claim, nor could anybody decide for it.
    await first.store.db.execute(sql`update limit_claims set expires_at = clock_timestamp() - interval '1 second'`);
    await first.store.db.execute(
      sql`update leases set holder = 'gone', expires_at = clock_timestamp() + interval '1 hour' where name = ${`run:${run}`}`,
    );
    expect(await waits()).toBe(false);
  });

  it('is taken over with the run, and cannot be given back by whoever had it before', async () => {
    const { first, mine, run, waits } = await two();
    const [before] = await claims(first);
    await first.store.db.execute(sql`update leases set expires_at = clock_timestamp() - interval '1 second'`);
    const next = first.orchestrator();
    await next.tick();
    const [after] = await claims(first);
    expect(after).toMatchObject({ run, hostName: 'db01' });
    expect(after?.epoch).toBeGreaterThan(before?.epoch ?? 0);
    await mine.tick();
    expect(await claims(first)).toMatchObject([{ epoch: after?.epoch }]);
    expect(await waits()).toBe(true);
  });
});
