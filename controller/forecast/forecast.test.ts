import { describe, expect, it } from 'vitest';
import { type PlanSpec, planOf, START } from '../orchestrator/testing/random-plan.ts';
import { draw, normals } from './durations.ts';
import { forecast, quantile } from './forecast.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Hosts of two jobs that take ten minutes together. */
const hosts = (count: number): PlanSpec['hosts'] =>
  Array.from({ length: count }, (_, index) => ({
    name: `h${`${index}`.padStart(2, '0')}`,
    jobs: [
      { id: 'patch', expectedMs: 6 * MINUTE },
      { id: 'verify', expectedMs: 4 * MINUTE },
    ],
  }));

const wave = (maxParallel: number) => [{ name: 'all', needs: [], maxParallel, soakMs: 0 }];

/** Every job takes exactly what is expected. */
const exact = (spec: PlanSpec) => {
  const plan = { digest: `sha256:${'1'.repeat(64)}`, ...planOf(spec) };
  const orders = plan.orders.map(order => ({
    ...order,
    jobs: order.jobs.map(job => ({ ...job, p90Ms: job.expectedMs })),
  }));
  return forecast({ ...plan, orders }, { repetitions: 3 });
};

describe('a forecast', () => {
  it('ends when the last of the rounds does, that maxParallel makes', async () => {
    const told = await exact({
      hosts: hosts(6),
      waves: wave(2),
      window: { start: START, end: START + HOUR, reserveMs: 0 },
    });
    expect(told.end).toEqual({ p50: START + 30 * MINUTE, p90: START + 30 * MINUTE });
    expect(told.marginMs).toBe(30 * MINUTE);
    expect(told.late).toEqual([]);
  });

  it('says which limit binds, and what raising it would bring', async () => {
    const told = await exact({ hosts: hosts(6), waves: wave(2) });
    expect(told.binds).toEqual([
      { limit: 'maxParallel of wave all', is: 2, raisedTo: 3, end: START + 20 * MINUTE, earlierMs: 10 * MINUTE },
    ]);
  });

  it('waits at hold points, and for the soak of a wave', async () => {
    const [first, second] = hosts(2);
    if (!first || !second) throw new Error('two hosts');
    const told = await exact({
      hosts: [
        { ...first, wave: 'a' },
        { ...second, wave: 'b' },
      ],
      waves: [
        { name: 'a', needs: [], maxParallel: 1, soakMs: 5 * MINUTE },
        { name: 'b', needs: ['a'], maxParallel: 1, soakMs: 0 },
      ],
    });
    expect(told.end.p50).toBe(START + 25 * MINUTE);
  });

  it('names hosts that do not fit before the end, and why', async () => {
    const window = { start: START, end: START + 25 * MINUTE, reserveMs: 0 };
    const told = await exact({ hosts: hosts(3), waves: wave(1), window });
    expect(told.late).toEqual([
      { host: 'h02', share: 1, reason: expect.stringMatching(/do not fit before the window/) },
    ]);
    expect(told.end.p50).toBe(START + 20 * MINUTE);
  });

  it('is the same for the same plan and seed, and another for another one', async () => {
    const plan = { digest: `sha256:${'1'.repeat(64)}`, ...planOf({ hosts: hosts(8), waves: wave(3) }) };
    const once = await forecast(plan, { repetitions: 20, seed: 7 });
    expect(await forecast(plan, { repetitions: 20, seed: 7 })).toEqual(once);
    expect((await forecast(plan, { repetitions: 20, seed: 8 })).end).not.toEqual(once.end);
    expect(once.end.p90).toBeGreaterThan(once.end.p50);
  });
});

it('draws durations of which half and nine tenths are as they should be', () => {
  const normal = normals(3);
  const drawn = Array.from({ length: 4_000 }, () => draw({ p50: 1_000, p90: 1_500 }, normal()));
  expect(quantile(drawn, 0.5)).toBeGreaterThan(960);
  expect(quantile(drawn, 0.5)).toBeLessThan(1_040);
  expect(quantile(drawn, 0.9)).toBeGreaterThan(1_420);
  expect(quantile(drawn, 0.9)).toBeLessThan(1_580);
});
