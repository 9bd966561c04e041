import { p90Of } from '@tidemark/shared/orders/expected.ts';
import { type Call, defaultDurationMs } from '@tidemark/shared/orders/step-kinds.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { History, type LearnedDuration } from './learned.ts';
import { hostIdOf, NOW, planned } from './testing/world.ts';

const HOST = hostIdOf('db01');
const STOP: Call = { kind: 'service/stop', args: { component: 'x' } as never };
const UPGRADE: Call = { kind: 'package/upgrade', args: {} as never };

const row = (change: Partial<LearnedDuration>): LearnedDuration => ({
  ...{ hostId: HOST, kind: 'service/stop', bundle: 'november', count: 20, p50Ms: 4_000, p90Ms: 9_000 },
  ...change,
});

describe('what a step is expected to take', () => {
  const rows = [
    row({ p50Ms: 1_000 }),
    row({ bundle: null, p50Ms: 2_000 }),
    row({ hostId: null, p50Ms: 3_000 }),
    row({ hostId: null, bundle: null, p50Ms: 4_000 }),
  ];
  const expected = (known: readonly LearnedDuration[], call: Call = STOP) =>
    new History(known).expected(HOST, 'november', call).expectedMs;

  it('is what this host took with this bundle, else what the host took, the bundle, the kind, and else its default', () => {
    for (let known = 0; known <= rows.length; known++)
      expect(expected(rows.slice(known))).toBe(rows[known]?.p50Ms ?? defaultDurationMs('service/stop'));
  });

  it('goes by the bundle before the host where the bundle decides how much there is to do', () => {
    const ofPackages = rows.map(known => ({ ...known, kind: 'package/upgrade' }));
    expect(expected(ofPackages.slice(1), UPGRADE)).toBe(3_000);
    expect(expected(ofPackages.slice(1).toSpliced(1, 1), UPGRADE)).toBe(2_000);
  });

  it('rests on no handful', () => {
    expect(expected([row({ count: 4 })])).toBe(defaultDurationMs('service/stop'));
    expect(expected([row({ count: 5 })])).toBe(4_000);
    expect(expected([row({ hostId: null, count: 9 })])).toBe(defaultDurationMs('service/stop'));
  });

  it('is what the policy says of waits and of people, whatever was learned', () => {
    const wait: Call = { kind: 'system/wait', args: { until: 'elapsed', ms: 60_000 } as never };
    const known = [row({ kind: 'system/wait' }), row({ kind: 'manual/task' })];
    expect(new History(known).expected(HOST, 'november', wait)).toEqual({ expectedMs: 60_000, p90Ms: 60_000 });
    const task: Call = { kind: 'manual/task', args: { expectedMs: 600_000 } as never };
    expect(new History(known).expected(HOST, 'november', task)).toEqual({ expectedMs: 600_000 });
  });

  it('has a ninetieth percentile that is never below the median, nor far above it', () => {
    const learned = fc.record({
      hostId: fc.constantFrom(HOST, null),
      kind: fc.constant('service/stop'),
      bundle: fc.constantFrom('november', 'october', null),
      count: fc.integer({ min: 1, max: 40 }),
      p50Ms: fc.double({ min: 0, max: 1e9, noNaN: true }),
      p90Ms: fc.double({ min: 0, max: 1e12, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(learned, { maxLength: 8 }), known => {
        const told = new History(known).expected(HOST, 'november', STOP);
        const p90 = p90Of(told);
        expect(Number.isSafeInteger(told.expectedMs) && Number.isSafeInteger(p90)).toBe(true);
        expect(p90).toBeGreaterThanOrEqual(told.expectedMs);
        expect(p90).toBeLessThanOrEqual(4 * Math.max(told.expectedMs, 1_000));
      }),
    );
  });
});

describe('a plan', () => {
  const stops = (plan: ReturnType<typeof planned>) =>
    plan.orders.flatMap(({ jobs }) => jobs).filter(({ call }) => call.kind === 'service/stop');
  const history = [row({ hostId: null, bundle: null, p50Ms: 60_000, p90Ms: 100_000 })];

  it('has what was learned in its orders, and starts nothing that would not fit nine times of ten', () => {
    const { orders } = planned({}, { history });
    const { jobs } = orders.find(({ host }) => host.name === 'web01') ?? { jobs: [] };
    for (const job of stops({ orders } as never)) expect(job).toMatchObject({ expectedMs: 60_000, p90Ms: 100_000 });
    const whole = jobs.reduce((sum, job) => sum + p90Of(job), 0);
    expect(jobs[0]?.notAfter).toBe(NOW + 4 * 3_600_000 - 30 * 60_000 - whole);
  });

  it('is the same as before where nothing was learned, byte for byte', () => {
    expect(stops(planned()).every(job => !('p90Ms' in job))).toBe(true);
  });

  it('is refused where a host would not fit nine times of ten', () => {
    const slow = [row({ hostId: null, bundle: null, p50Ms: 3_600_000, p90Ms: 4 * 3_600_000 })];
    expect(() => planned({}, { history: slow })).toThrow('no time for');
  });
});
