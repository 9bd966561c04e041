import { describe, expect, it } from 'vitest';
import { decide } from './decide.ts';
import { begins, JOBS, night, ready } from './testing/nights.ts';
import { type PlanSpec, planOf, START } from './testing/random-plan.ts';
import type { SimulatedNight } from './testing/simulated-night.ts';
import { SimulatedRun } from './testing/simulated-run.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;

describe('when a run begins', () => {
  it('offers every order and opens the first wave alone', () => {
    const waves = [
      { name: 'a', needs: [], maxParallel: 1, soakMs: 0 },
      { name: 'b', needs: ['a'], maxParallel: 1, soakMs: 0 },
    ];
    const run = new SimulatedRun(
      planOf({
        waves,
        hosts: [
          { name: 'x', wave: 'a', jobs: JOBS },
          { name: 'y', wave: 'b', jobs: JOBS },
        ],
      }),
      START,
    );
    expect(decide(run.snapshot, START)).toEqual([{ action: 'openWave', wave: 0 }]);
    run.apply({ action: 'openWave', wave: 0 }, START);
    expect(decide(run.snapshot, START)).toEqual([
      { action: 'offerOrder', host: 0 },
      { action: 'offerOrder', host: 1 },
    ]);
  });

  it('starts nobody before the window, and everybody who fits in it', () => {
    const run = ready({ hosts: [{ name: 'x', jobs: JOBS }] });
    expect(begins(run, START - 1)).toEqual([]);
    expect(begins(run, START)).toEqual(['x']);
  });

  it('starts a host only if its jobs end before window and reserve do nine times of ten, and else counts it as missed', () => {
    const run = ready({
      hosts: [{ name: 'x', jobs: [{ id: 'patch', expectedMs: 4 * MINUTE, p90Ms: 10 * MINUTE }] }],
      window: { start: START, end: START + HOUR, reserveMs: 20 * MINUTE },
    });
    expect(begins(run, START + 30 * MINUTE)).toEqual(['x']);
    expect(decide(run.snapshot, START + 30 * MINUTE + 1)).toEqual([
      { action: 'cancel', host: 0, as: 'missed', reason: "30 min with the reserve do not fit before the window's end" },
    ]);
  });

  it('counts the waiting for each other into the time that a unit needs', () => {
    const long = [{ id: 'stop' }, { id: 'patch', expectedMs: 15 * MINUTE, p90Ms: 20 * MINUTE }];
    const run = ready({
      hosts: [
        { name: 'x', unit: 'u', jobs: long },
        { name: 'y', unit: 'u', jobs: long },
      ],
      precedences: [{ before: ['x', 'patch'], after: ['y', 'patch'] }],
    });
    expect(begins(run, START + 15 * MINUTE)).toEqual(['x', 'y']);
    const [action] = decide(run.snapshot, START + 25 * MINUTE);
    expect(action).toMatchObject({ action: 'cancel', as: 'missed' });
  });

  it('starts as many as the wave lets work at once, the longest first', () => {
    const run = ready({
      hosts: [
        { name: 'short', jobs: JOBS },
        { name: 'long', jobs: [{ id: 'patch', expectedMs: 10 * MINUTE }] },
        { name: 'middle', jobs: [{ id: 'patch', expectedMs: 5 * MINUTE }] },
      ],
      waves: [{ name: 'all', needs: [], maxParallel: 2, soakMs: 0 }],
    });
    expect(begins(run)).toEqual(['long', 'middle']);
  });

  it('starts a unit as a whole or not at all', () => {
    const hosts = ['x', 'y'].map(name => ({ name, unit: 'u', jobs: JOBS }));
    const run = ready({ hosts, waves: [{ name: 'all', needs: [], maxParallel: 2, soakMs: 0 }] });
    run.host(1).acceptedAt = null;
    expect(begins(run)).toEqual([]);
    run.host(1).acceptedAt = START;
    expect(begins(run)).toEqual(['x', 'y']);
  });

  it('releases up to the first job that waits for another host', () => {
    const run = ready({
      hosts: ['x', 'y'].map(name => ({ name, unit: 'u', jobs: JOBS })),
      precedences: [{ before: ['x', 'stop'], after: ['y', 'patch'] }],
    });
    expect(decide(run.snapshot, START)).toEqual([
      { action: 'release', host: 0, upTo: 3 },
      { action: 'release', host: 1, upTo: 1 },
    ]);
  });
});

describe('a cluster', () => {
  const PAIR: PlanSpec = {
    hosts: [
      { name: 'db01', cluster: 'db', role: 'active', jobs: JOBS },
      { name: 'db02', cluster: 'db', role: 'standby', jobs: JOBS },
    ],
    precedences: [{ before: ['db02', 'start'], after: ['db01', 'stop'] }],
    limits: [{ hosts: ['db01', 'db02'], maxOut: 1 }],
    clusters: [{ name: 'db', onFailure: 'hold-cluster' }],
  };

  it('is asked for its role before a member begins, and the member begins by facts of this run', () => {
    const run = ready(PAIR);
    expect(decide(run.snapshot, START)).toEqual([{ action: 'observeFacts', host: 1, since: START }]);
    run.host(1).role = { is: 'standby', observedAt: START - 1 };
    expect(begins(run)).toEqual([]);
    run.host(1).role = { is: 'standby', observedAt: START };
    expect(begins(run)).toEqual(['db02']);
  });

  it('is asked again where the facts have become old', () => {
    const run = ready(PAIR);
    run.host(1).role = { is: 'standby', observedAt: START };
    run.host(1).factsAsked = { first: START, last: START };
    const since = START + 6 * MINUTE;
    expect(decide(run.snapshot, since)).toEqual([{ action: 'observeFacts', host: 1, since }]);
  });

  it('is held with an incident where the roles are not those of the plan', () => {
    const finished = night(PAIR, {}, ['db02']).play(START + 10 * MINUTE);
    expect(finished.run.titles).toEqual(['cluster db: db02 is active, it was planned as standby']);
    expect(finished.run.hosts.map(host => host.frontier)).toEqual([0, 0]);
    expect(finished.isOver).toBe(false);
  });

  it('is held with an incident where the probe does not tell, after a deadline', () => {
    const run = ready(PAIR);
    run.host(1).role = { is: null, observedAt: START };
    run.host(1).factsAsked = { first: START, last: START + 90_000 };
    expect(decide(run.snapshot, START + 90_000)).toEqual([]);
    expect(decide(run.snapshot, START + 90_001)).toMatchObject([
      {
        action: 'openIncident',
        title: 'cluster db: whether db02 is active or standby is not known: its facts do not say so',
      },
      { action: 'hold', host: 1 },
    ]);
  });

  it('is held as a whole where a job of a member says hold, and nothing more is released to the other one', () => {
    const jobs = [{ id: 'stop', onFailure: 'hold' as const }, { id: 'patch' }];
    const run = ready({
      hosts: ['db01', 'db02'].map(name => ({ name, cluster: 'db', jobs })),
      clusters: [{ name: 'db', onFailure: 'continue' }],
    });
    for (const host of run.hosts) Object.assign(host, { frontier: 1, startedAt: START });
    run.host(0).jobs[0] = { state: 'failed', attempt: 1, spent: 0, message: '', startedAt: START, endedAt: START };
    expect(decide(run.snapshot, START)).toMatchObject([
      { action: 'openIncident', title: 'stop on db01 failed' },
      { action: 'hold', host: 0, reason: '"stop on db01" ended failed' },
      { action: 'hold', host: 1, reason: 'cluster db is held: db01 failed' },
    ]);
    for (const action of decide(run.snapshot, START)) run.apply(action, START);
    // Its next job is free to go, but for the hold.
    expect(decide(run.snapshot, START)).toEqual([]);
    run.host(1).held = null;
    run.host(0).jobs[0] = { state: 'running', attempt: 1, spent: 0, message: '', startedAt: START, endedAt: null };
    expect(begins(run)).toContain('db02');
  });

  it('keeps its other member out of it when one has failed', () => {
    const finished = night(PAIR, { db02: { forward: ['ok', 'fail'] } }).play();
    expect(finished.violations).toEqual([]);
    expect(finished.run.host(1)).toMatchObject({ direction: 'undo' });
    expect(finished.run.host(0)).toMatchObject({ frontier: 0, held: 'cluster db is held: db02 failed' });
    expect(finished.run.reason).toBe('0 of 2 hosts are done; db01 cancelled, db02 undone');
  });
});

describe('a run that is stopped with undo', () => {
  /** Three hosts one after the other; stopped with undo when the last one has begun. */
  function stopped(silentFrom?: number): SimulatedNight {
    const waves = [{ name: 'all', needs: [], maxParallel: 1, soakMs: 0 }];
    const silent = silentFrom === undefined ? null : { from: silentFrom, to: START + 10 * HOUR };
    const run = night({ waves, hosts: ['x', 'y', 'z'].map(name => ({ name, jobs: JOBS })) }, { y: { silent } });
    while (run.run.host(2).frontier === 0) run.tick();
    run.person('stop with undo');
    return run;
  }

  it('ends although a host that was done falls silent on its way back', () => {
    const first = stopped();
    while (first.run.host(1).direction === 'forward') first.tick();
    const done = stopped(first.now).play();
    expect(done.violations).toEqual([]);
    expect(done.run.state).toBe('stopped');
  });

  it('asks about a host that was done and is away, and leaves it where a person says so', () => {
    const waves = [{ name: 'all', needs: [], maxParallel: 2, soakMs: 0 }];
    const silent = { from: START + 8 * MINUTE, to: START + 10 * HOUR };
    const jobs = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map(id => ({ id, expectedMs: 90_000 }));
    const run = night(
      {
        waves,
        hosts: [
          { name: 'x', jobs: JOBS },
          { name: 'y', jobs },
        ],
      },
      { x: { silent } },
    );
    run.play(START + 8 * MINUTE);
    const x = run.run.plan.byName.get('x') ?? -1;
    expect(run.agents[x]?.standing?.state).toBe('finished');
    run.person('stop with undo');
    run.play(START + 25 * MINUTE);
    expect(run.isOver).toBe(false);
    expect(run.run.titles).toContainEqual(expect.stringMatching(/^x has not been heard from for \d+ s$/));
    run.person('resolve');
    run.play();
    expect(run.violations).toEqual([]);
    expect(run.run.titles.at(-1)).toBe('1 host stays patched although the run was stopped with undo');
    expect(run.now).toBeLessThan(START + 27 * MINUTE);
  });
});

describe('what can never end', () => {
  it('is no end: a host that was given up before it began is not done, also where every job of it may fail', () => {
    const run = ready({ hosts: [{ name: 'x', jobs: JOBS.map(job => ({ ...job, onFailure: 'continue' as const })) }] });
    run.apply({ action: 'cancel', host: 0, as: 'cancelled', reason: 'the run was stopped before its turn' }, START);
    run.state = 'stopping';
    run.waves[0] = { openedAt: START, endedAt: START };
    expect(decide(run.snapshot, START)).toEqual([
      { action: 'endRun', state: 'stopped', reason: '0 of 1 hosts are done; x cancelled' },
    ]);
  });

  it('is given up: a unit that needs more places than its wave has', () => {
    const done = night({
      hosts: ['x', 'y'].map(name => ({ name, unit: 'u', jobs: JOBS })),
      waves: [{ name: 'all', needs: [], maxParallel: 1, soakMs: 0 }],
    }).play();
    expect(done.run.state).toBe('failed');
    expect(done.run.host(0).jobs[0]?.message).toBe('maxParallel 1 of wave all');
  });

  it('is given up: two hosts that wait for each other', () => {
    const done = night({
      hosts: ['x', 'y'].map(name => ({ name, jobs: JOBS })),
      precedences: [
        { before: ['x', 'start'], after: ['y', 'stop'] },
        { before: ['y', 'start'], after: ['x', 'stop'] },
      ],
    }).play();
    expect(done.run).toMatchObject({ state: 'failed' });
    expect(done.run.hosts.map(host => host.frontier)).toEqual([0, 0]);
  });
});
