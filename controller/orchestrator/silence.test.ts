import type { Gate } from '@tidemark/shared/orders/plan.ts';
import { describe, expect, it } from 'vitest';
import { decide } from './decide.ts';
import { planOf, START } from './testing/random-plan.ts';
import type { Script } from './testing/simulated-agent.ts';
import { SimulatedNight } from './testing/simulated-night.ts';
import { SimulatedRun } from './testing/simulated-run.ts';

const MINUTE = 60_000;

/** One host that is away from the second minute on, in the middle of its second job. */
function away(forMs: number, timeoutMs: number, reboots: boolean): SimulatedNight {
  const second = reboots
    ? { id: 'patch', expectedMs: 20 * MINUTE, reboots: true as const }
    : { id: 'patch', expectedMs: 20 * MINUTE };
  const sample = planOf({ hosts: [{ name: 'x', jobs: [{ id: 'stop', expectedMs: MINUTE }, second] }] });
  for (const order of sample.orders) for (const job of order.jobs) job.timeoutMs = timeoutMs;
  const from = START + 2 * MINUTE;
  const script: Script = { forward: [], undo: [], refuses: false, silent: { from, to: from + forMs } };
  return new SimulatedNight(sample, { scripts: new Map([['x', script]]), dice: [1], swapped: new Set() });
}

describe('a server that is away for three minutes', () => {
  it('is silent where its job keeps it at work', () => {
    const night = away(3 * MINUTE, 30 * MINUTE, false);
    night.play(START + 6 * MINUTE);
    expect(night.run.titles).toEqual([expect.stringMatching(/^patch on x: x has not been heard from for \d+ s$/)]);
  });

  it('is not where it boots, as it was told to', () => {
    const night = away(3 * MINUTE, 30 * MINUTE, true);
    night.play(START + 6 * MINUTE);
    expect(night.run.titles).toEqual([]);
  });
});

it('a server that boots for longer than its job may take is silent', () => {
  const night = away(30 * MINUTE, 4 * MINUTE, true);
  night.play(START + 6 * MINUTE);
  expect(night.run.titles).toEqual([]);
  night.play(START + 9 * MINUTE);
  expect(night.run.titles[0]).toMatch(/^patch on x: x /);
});

describe('a host', () => {
  const HOUR = 60 * MINUTE;
  const SILENCE = 90_000;
  /** Of each job: its timeout, and the deadline of silence on top. */
  const JOB = 2 * MINUTE + SILENCE;

  /** In a wave that opened at START, with its order taken, and connected all the time. */
  function ready(): SimulatedRun {
    const run = new SimulatedRun(planOf({ hosts: [{ name: 'x', jobs: [{ id: 'stop' }, { id: 'patch' }] }] }), START);
    run.waves[0] = { openedAt: START, endedAt: null };
    Object.assign(run.host(0), { offeredAt: START, acceptedAt: START });
    return run;
  }
  const titles = (run: SimulatedRun, now: number): string[] =>
    decide(run.snapshot, now).flatMap(action => (action.action === 'openIncident' ? [action.title] : []));
  const ended = { state: 'succeeded' as const, attempt: 1, spent: 0, message: '', startedAt: START, endedAt: START };

  it('that does not take its order is silent after the deadline, although it is connected', () => {
    const run = ready();
    run.host(0).acceptedAt = null;
    expect(titles(run, START + SILENCE)).toEqual([]);
    expect(titles(run, START + SILENCE + 1)).toEqual(['x has not answered the offer of its order for 90 s']);
  });

  it('that was let go and does not begin is silent after the time of its first job', () => {
    const run = ready();
    Object.assign(run.host(0), { frontier: 2, startedAt: START });
    expect(titles(run, START + JOB)).toEqual([]);
    expect(titles(run, START + JOB + 1)).toEqual([
      'stop on x: x has not begun "stop on x", nothing was reported for 210 s',
    ]);
  });

  it('that is to go back and does not is silent after the time of the job that is next', () => {
    const run = ready();
    Object.assign(run.host(0), { frontier: 2, startedAt: START, direction: 'undo', turnedAt: START });
    run.host(0).jobs[0] = ended;
    expect(titles(run, START + JOB)).toEqual([]);
    expect(titles(run, START + JOB + 1)).toEqual(['x has not begun "patch on x", nothing was reported for 210 s']);
  });

  it('whose undo has failed waits for a person until the window is over', () => {
    const jobs = [
      { id: 'stop', onFailure: 'undo-host' as const },
      { id: 'patch', onFailure: 'undo-host' as const },
    ];
    const script: Script = { forward: ['ok', 'fail'], undo: ['fail'], refuses: false, silent: null };
    const night = new SimulatedNight(planOf({ hosts: [{ name: 'x', jobs }] }), {
      scripts: new Map([['x', script]]),
      dice: [1],
      swapped: new Set(),
    });
    night.play(START + HOUR - MINUTE);
    expect(night.run.state).toBe('running');
    expect([...night.run.incidents.values()]).toContain('open');
    night.play();
    expect(night.run).toMatchObject({ state: 'failed', reason: '0 of 1 hosts are done; x not undone' });
  });
});

it('a member that is frozen half done, since its peer waits for a person, is taken back when the window is over', () => {
  const jobs = [{ id: 'stop', onFailure: 'hold' as const }, { id: 'patch' }];
  const sample = planOf({
    hosts: ['db01', 'db02'].map(name => ({ name, cluster: 'db', jobs })),
    clusters: [{ name: 'db', onFailure: 'continue' }],
  });
  const run = new SimulatedRun(sample, START);
  run.waves[0] = { openedAt: START, endedAt: null };
  const job = { attempt: 1, spent: 0, message: '', startedAt: START, endedAt: START };
  for (const host of run.hosts) {
    Object.assign(host, { offeredAt: START, acceptedAt: START, frontier: 1, startedAt: START });
    host.jobs[0] = { ...job, state: host === run.hosts[0] ? 'failed' : 'succeeded' };
  }
  for (const action of decide(run.snapshot, START)) run.apply(action, START);
  expect(run.host(1).held).toBe('cluster db is held: db01 failed');
  const { end } = run.plan.header.window;
  for (const action of decide(run.snapshot, end)) run.apply(action, end);
  expect(decide(run.snapshot, end)).toEqual([]);
  expect(decide(run.snapshot, end + 1)).toMatchObject([{ action: 'undo', host: 1 }]);
});

describe('a run', () => {
  const HOUR = 60 * MINUTE;
  const one = (gates: Gate[]) =>
    new SimulatedNight(
      planOf({
        hosts: [{ name: 'x', jobs: [{ id: 'patch' }] }],
        waves: [{ name: 'all', needs: [], maxParallel: 1, soakMs: 0, gates }],
      }),
      { scripts: new Map(), dice: [1], swapped: new Set() },
    );

  it('at a gate that nobody opens tells a person at once, and gives its hosts up when they do not fit any more', () => {
    const gate: Gate = {
      ...{ kind: 'approval', name: 'owner', from: ['ada'], need: 1, notAuthor: false, expiresMs: null },
      onExpire: 'hold',
    };
    const night = one([gate]);
    night.play(START + HOUR / 2);
    expect(night.run).toMatchObject({ state: 'running', titles: [expect.stringContaining('gate owner waits for')] });
    night.play();
    expect(night.run).toMatchObject({ state: 'failed' });
    expect(night.run.host(0).jobs.map(({ state }) => state)).toEqual(['missed']);
    expect(night.now).toBeLessThan(START + 2 * HOUR);
  });

  it('that is paused and forgotten ends with its window, and who has not begun is missed', () => {
    const night = one([]);
    night.person('pause');
    night.play(START + HOUR / 2);
    expect(night.run.state).toBe('paused');
    night.play();
    expect(night.run).toMatchObject({ state: 'failed' });
    expect(night.run.host(0).jobs.map(({ state }) => state)).toEqual(['missed']);
    expect(night.now).toBeLessThan(START + 2 * HOUR);
  });
});
