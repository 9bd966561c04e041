import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PlanSpec } from '@tidemark/controller/orchestrator/testing/random-plan.ts';
import { createProbe } from '@tidemark/controller/probes/probe.ts';
import type { Gate } from '@tidemark/shared/orders/plan.ts';
import { signApproval, verifyOrder } from '@tidemark/shared/signing/approval.ts';
import { describe, expect, it } from 'vitest';
import { testStores } from '../support/database.ts';
import { World } from './orchestrator-world.ts';

const freshStore = testStores();
const JOBS = [{ id: 'patch' }];

const gated = (...gates: Gate[]): PlanSpec => ({
  hosts: [{ name: 'web01', jobs: JOBS }],
  waves: [{ name: 'all', needs: [], maxParallel: 1, soakMs: 0, gates }],
});

describe('limits over all runs', () => {
  it('keep the second run from a cluster until the first has its member back, and say which host it is', async () => {
    const limits = (host: string) => [{ hosts: [host], maxOut: 1, key: 'cluster/db' }];
    const first = await World.make(await freshStore(), {
      hosts: [{ name: 'db01', jobs: JOBS }],
      limits: limits('db01'),
    });
    const second = await World.beside(first, { hosts: [{ name: 'db02', jobs: JOBS }], limits: limits('db02') });
    const [one, two] = [first.orchestrator(), second.orchestrator()];
    const run = await first.apply(one);
    await one.tick();
    await first.deliver();
    await first.report(one);
    await one.tick();
    expect((await first.host('db01')).frontier).toBe(1);
    const other = await second.apply(two);
    for (let turn = 0; turn < 3; turn++) {
      await two.tick();
      await second.deliver();
      await second.report(two);
    }
    expect((await second.host('db02')).frontier).toBe(0);
    await first.play(() => one, run);
    expect((await second.play(() => two, other)).state).toBe('succeeded');
  });
});

describe('the gate of a wave', () => {
  it('opens by the signature of an approver, which is none for the plan', async () => {
    const gate: Gate = {
      ...{
        kind: 'approval',
        name: 'owner',
        from: ['ada'],
        need: 1,
        notAuthor: false,
        expiresMs: null,
        onExpire: 'hold',
      },
    };
    const world = await World.make(await freshStore(), gated(gate));
    const orchestrator = world.orchestrator();
    const run = await world.apply(orchestrator);
    for (let turn = 0; turn < 5; turn++) await world.turn(orchestrator);
    expect(await orchestrator.view(run)).toMatchObject({ state: 'running', openIncidents: 1 });
    expect((await world.host('web01')).frontier).toBe(0);
    const sign = (name: string) =>
      signApproval(
        {
          ...{ format: 'tidemark/approval/v1', fleet: 'test', plan: world.plan.digest, gate: name },
          ...{ approvedAt: world.now, expiresAt: world.now + 3_600_000 },
        },
        world.approver,
      );
    const forPlan = await orchestrator.approveWave({ run, wave: 'all', envelope: sign('plan'), by: 'olga' });
    expect(forPlan).toMatchObject({ error: { code: 'not-signed' } });
    const [planned] = world.plan.orders;
    const offered =
      planned &&
      verifyOrder(
        { bytes: planned.bytes, proof: planned.proof, approvals: [sign('wave/all')] },
        world.root,
        planned.order.host.id,
        world.now,
      );
    expect(offered).toMatchObject({ error: { code: 'not-approved' } });
    const given = await orchestrator.approveWave({ run, wave: 'all', envelope: sign('wave/all'), by: 'olga' });
    expect(given).toMatchObject({ ok: true, value: { approvers: ['ada'] } });
    expect(await world.play(() => orchestrator, run)).toMatchObject({ state: 'succeeded', openIncidents: 0 });
  });

  it('stays shut at a no-go, and opens at a go', async () => {
    const gate: Gate = { kind: 'signal', name: 'business', withinMs: null };
    for (const go of [true, false]) {
      const world = await World.make(await freshStore(), gated(gate));
      const orchestrator = world.orchestrator();
      const run = await world.apply(orchestrator);
      await world.turn(orchestrator);
      const request = { run, wave: 'all', go, by: 'olga', reason: 'the board says so' };
      expect(await orchestrator.signal({ ...request, gate: 'other' })).toMatchObject({
        error: { code: 'unknown-gate' },
      });
      expect(await orchestrator.signal({ ...request, gate: 'business' })).toMatchObject({ ok: true });
      expect((await world.play(() => orchestrator, run)).state).toBe(go ? 'succeeded' : 'failed');
    }
  });

  it('asks over HTTP: where nobody answers the run pauses, and resumed it asks again', async () => {
    const server = createServer((_, answer) => answer.end('all well'));
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise(resolve => server.close(resolve));
    const gate: Gate = {
      ...{ kind: 'http', name: 'health', url: `http://127.0.0.1:${port}/`, expectStatus: 200, expectText: 'well' },
      ...{ everyMs: 10_000, withinMs: 30_000, timeoutMs: 5_000 },
    };
    const world = await World.make(await freshStore(), gated(gate));
    const orchestrator = world.orchestrator();
    const run = await world.apply(orchestrator);
    const state = async () => (await orchestrator.view(run))?.state;
    for (let turn = 0; turn < 100 && (await state()) !== 'paused'; turn++) {
      await world.turn(orchestrator);
      await new Promise(resolve => setTimeout(resolve, 50));
    }
    expect(await state()).toBe('paused');
    await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve));
    await orchestrator.resume({ run, by: 'olga', reason: 'it is up again' });
    for (let turn = 0; turn < 100 && (await state()) === 'running'; turn++) {
      await world.turn(orchestrator);
      await new Promise(resolve => setTimeout(resolve, 50));
    }
    await new Promise(resolve => server.close(resolve));
    expect(await state()).toBe('succeeded');
  });
});

describe('a probe', () => {
  const ask = (url: string, allowed: readonly string[] = []) =>
    createProbe(allowed)({
      ...{ kind: 'http', name: 'x', url, expectStatus: 200, expectText: null },
      ...{ everyMs: 1_000, withinMs: 1_000, timeoutMs: 2_000 },
    });

  it.each([
    'http://127.0.0.1:9/',
    'http://localhost:9/',
    'http://169.254.169.254/latest/meta-data/',
    'http://[::1]:9/',
    'http://[::ffff:127.0.0.1]:9/',
    'http://0.0.0.0:9/',
    'http://2130706433/',
  ])('does not go to %s', async url => {
    expect(await ask(url)).toMatchObject({ problem: expect.stringContaining('where the controller does not go') });
  });

  it('takes a redirect for an answer and does not follow it', async () => {
    let asked = 0;
    const server = createServer((_, answer) => {
      asked++;
      answer.writeHead(302, { location: 'http://169.254.169.254/' }).end();
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    expect(await ask(`http://127.0.0.1:${port}/`, ['127.0.0.1/32'])).toMatchObject({ status: 302 });
    expect(asked).toBe(1);
    await new Promise(resolve => server.close(resolve));
  });
});
