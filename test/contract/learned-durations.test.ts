import { randomUUID } from 'node:crypto';
import type { PlanSpec } from '@tidemark/controller/orchestrator/testing/random-plan.ts';
import { KEPT, learn, learned } from '@tidemark/controller/store/durations.ts';
import { durations } from '@tidemark/controller/store/schema.ts';
import { present } from '@tidemark/shared/base/assert.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { testStores } from '../support/database.ts';
import { World } from './orchestrator-world.ts';

const freshStore = testStores();

const JOBS = ['prepare', 'stop', 'patch'].map((id, index) => ({ id, retries: 1, expectedMs: (index + 1) * 10_000 }));
const PLAN: PlanSpec = { hosts: ['app01', 'app02'].map(name => ({ name, jobs: JOBS })) };

describe('what runs teach', () => {
  it('is how long each step took that ended well, without the attempts that failed, once however often it is told', async () => {
    const world = await World.make(await freshStore(), PLAN, { app01: ['ok', 'fail-once', 'ok'] });
    const orchestrator = world.orchestrator();
    const run = await world.apply(orchestrator);
    for (let turn = 0; turn < 20; turn++) {
      await orchestrator.tick();
      await world.deliver();
      world.pass(10_000);
      await world.report(orchestrator, 2);
    }
    expect(await orchestrator.view(run)).toMatchObject({ state: 'succeeded' });
    const rows = await world.store.db.select().from(durations);
    const of = (name: string) =>
      rows.filter(({ hostId }) => hostId === world.agent(name).id).map(({ durationMs }) => durationMs);
    expect(of('app02')).toHaveLength(JOBS.length);
    expect(of('app01')).toHaveLength(JOBS.length);
    // The simulated agent says when each job ended by its own clock; both ends are heard of at the next turn at the latest.
    for (const [index, ms] of of('app01').entries()) expect(ms).toBe(JOBS[index]?.expectedMs);
    expect(new Set(rows.map(({ kind, bundle }) => `${kind} ${bundle}`))).toEqual(new Set(['command/run sample']));
  });

  it('stands with the result of the job, or not at all', async () => {
    const world = await World.make(await freshStore(), PLAN);
    const orchestrator = world.orchestrator();
    await world.apply(orchestrator);
    await world.turn(orchestrator);
    await orchestrator.tick();
    await world.deliver();
    // Whoever reports cannot be stored any more after the lesson: then the lesson is not kept either.
    await world.store.sql.unsafe(`
      create function refuse() returns trigger language plpgsql as $$ begin raise 'no room'; end $$;
      create trigger refuse before insert on audit for each row execute function refuse();`);
    // The first job of each begins, and ends.
    world.pass(10_000);
    world.pass(10_000);
    await expect(world.report(orchestrator)).rejects.toThrow();
    expect(await world.store.db.select().from(durations)).toEqual([]);
    await world.store.sql.unsafe('drop trigger refuse on audit');
    await world.report(orchestrator);
    expect(await world.store.db.select().from(durations)).toHaveLength(2);
  });
});

describe('the store of durations', () => {
  it('keeps the newest of each host and kind, and tells their percentiles by the nearest rank', async () => {
    const store = await freshStore();
    const sample = fc.record({
      host: fc.constantFrom('a', 'b'),
      kind: fc.constantFrom('service/stop', 'service/start'),
      bundle: fc.constantFrom('october', 'november'),
      durationMs: fc.integer({ min: 0, max: 1e7 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(sample, { minLength: 1, maxLength: 90 }), async samples => {
        await store.sql.unsafe('truncate durations');
        const ids = { a: randomUUID(), b: randomUUID() };
        await store.transaction(async tx => {
          for (const { host, ...step } of samples)
            await learn(tx, { ...step, hostId: ids[host as 'a' | 'b'], endedAt: Date.UTC(2026, 10, 30) });
        });
        const kept = [...Map.groupBy(samples, ({ host, kind }) => `${host} ${kind}`).values()].flatMap(list =>
          list.slice(-KEPT),
        );
        expect(await store.db.select().from(durations)).toHaveLength(kept.length);
        for (const told of await learned(store.db, ['service/stop'])) {
          const meant = kept.filter(
            ({ host, kind, bundle }) =>
              kind === 'service/stop' &&
              (told.hostId === null || ids[host as 'a' | 'b'] === told.hostId) &&
              (told.bundle === null || bundle === told.bundle),
          );
          const sorted = meant.map(({ durationMs }) => durationMs).sort((a, b) => a - b);
          const rank = (share: number) => present(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)], 'a rank');
          expect(told).toMatchObject({ kind: 'service/stop', count: meant.length, p50Ms: rank(0.5), p90Ms: rank(0.9) });
        }
      }),
      { numRuns: 15 },
    );
  });
});
