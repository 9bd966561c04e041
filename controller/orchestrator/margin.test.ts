import { describe, expect, it } from 'vitest';
import { decide } from './decide.ts';
import { remainingMs } from './margin.ts';
import { pictureOf } from './picture.ts';
import { HOUR, type PlanSpec, planOf, START } from './testing/random-plan.ts';
import { SimulatedRun } from './testing/simulated-run.ts';

const MINUTE = 60_000;
const jobs = [{ id: 'patch', expectedMs: 10 * MINUTE }];
const hosts = (count: number, wave = 'a') =>
  Array.from({ length: count }, (_, index) => ({ name: `${wave}${index}`, wave, jobs }));
const budget = (minMarginMs: number, action: 'pause' | 'stop' = 'pause') => ({
  ...{ scope: 'run' as const, of: null, maxFailed: null, maxFailedShare: null, minMarginMs, action },
});

/** A run of an hour in which every host has taken its order. */
function ready(spec: PlanSpec): SimulatedRun {
  const waves = [{ name: 'a', needs: [], maxParallel: 9, soakMs: 0 }];
  const run = new SimulatedRun(planOf({ waves, ...spec }), START);
  for (const host of run.hosts) Object.assign(host, { offeredAt: START, acceptedAt: START });
  return run;
}
const kinds = (run: SimulatedRun, now = START) => decide(run.snapshot, now).map(({ action }) => action);

describe('what is left of a run', () => {
  it.each<[string, PlanSpec, number]>([
    ['one host', { hosts: hosts(1) }, 10],
    ['six hosts, two at a time', { hosts: hosts(6), waves: [{ name: 'a', needs: [], maxParallel: 2, soakMs: 0 }] }, 30],
    [
      'two waves with a soak between them',
      {
        hosts: [...hosts(1), ...hosts(1, 'b')],
        waves: [
          { name: 'a', needs: [], maxParallel: 1, soakMs: 5 * MINUTE },
          { name: 'b', needs: ['a'], maxParallel: 1, soakMs: 5 * MINUTE },
        ],
      },
      25,
    ],
  ])('of %s', (_, spec, minutes) => {
    expect(remainingMs(pictureOf(ready(spec).snapshot, START))).toBe(minutes * MINUTE);
  });

  it('shrinks while a job is under way, and is nothing of a host that is done', () => {
    const run = ready({ hosts: hosts(1) });
    const host = run.hosts[0];
    if (!host) throw new Error('there is a host');
    Object.assign(host, { frontier: 1, startedAt: START });
    host.jobs[0] = { state: 'running', attempt: 1, spent: 0, message: '', startedAt: START, endedAt: null };
    expect(remainingMs(pictureOf(run.snapshot, START + 4 * MINUTE))).toBe(6 * MINUTE);
    host.jobs[0] = { ...host.jobs[0], state: 'succeeded', endedAt: START };
    expect(remainingMs(pictureOf({ ...run.snapshot, hosts: [{ ...host }] }, START + 4 * MINUTE))).toBe(0);
  });
});

describe('a budget of time', () => {
  it('lets a run go on that will end in time', () => {
    expect(kinds(ready({ hosts: hosts(1), budgets: [budget(30 * MINUTE)] }))).toEqual(['openWave']);
  });

  it.each(['pause', 'stop'] as const)('keeps the rest of a run back that will end too late: %s', action => {
    const run = ready({ hosts: hosts(1), budgets: [budget(51 * MINUTE, action)] });
    const [incident, verdict, ...rest] = decide(run.snapshot, START);
    expect(incident).toMatchObject({
      action: 'openIncident',
      title: expect.stringMatching(/^the run is expected to end at .*, after 51 min before the window's end at /),
      detail: expect.stringContaining('1 hosts have not begun'),
    });
    expect(verdict?.action).toBe(action === 'pause' ? 'pauseRun' : 'stopRun');
    expect(rest).toEqual([]);
  });

  it('asks once: whoever resumes the run accepts that it is late', () => {
    const run = ready({ hosts: hosts(1), budgets: [budget(51 * MINUTE)] });
    for (const action of decide(run.snapshot, START)) run.apply(action, START);
    run.state = 'running';
    expect(kinds(run)).toEqual(['openWave']);
  });

  it('asks nobody once all have begun', () => {
    const run = ready({ hosts: hosts(1), budgets: [budget(0)] });
    Object.assign(run.hosts[0] ?? {}, { frontier: 1, startedAt: START });
    expect(kinds(run, START + HOUR - 5 * MINUTE)).not.toContain('pauseRun');
  });

  it('tolerates no failure of a wave that another one needs', () => {
    const spec = (budgets: PlanSpec['budgets']): PlanSpec => ({
      hosts: [...hosts(1), ...hosts(1, 'b')],
      waves: [
        { name: 'a', needs: [], maxParallel: 1, soakMs: 0 },
        { name: 'b', needs: ['a'], maxParallel: 1, soakMs: 0 },
      ],
      budgets: budgets ?? [],
    });
    const failed = (budgets: PlanSpec['budgets']) => {
      const run = ready(spec(budgets));
      run.waves[0] = { openedAt: START, endedAt: START };
      const host = run.hosts[0];
      if (!host) throw new Error('there is a host');
      Object.assign(host, { frontier: 1, startedAt: START, held: 'it failed' });
      host.jobs[0] = { state: 'failed', attempt: 1, spent: 0, message: 'x', startedAt: START, endedAt: START };
      return kinds(run);
    };
    expect(failed([])).not.toContain('openWave');
    expect(failed([budget(0)])).not.toContain('openWave');
  });
});
