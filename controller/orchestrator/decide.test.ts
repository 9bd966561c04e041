import { describe, expect, it } from 'vitest';
import { decide } from './decide.ts';
import { idOf, type PlanSpec, planOf, START } from './testing/random-plan.ts';
import type { Script } from './testing/simulated-agent.ts';
import { SimulatedNight } from './testing/simulated-night.ts';
import { SimulatedRun } from './testing/simulated-run.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;
const JOBS = [{ id: 'stop' }, { id: 'patch' }, { id: 'start' }];

const script = (parts: Partial<Script> = {}): Script => ({
  forward: [],
  undo: [],
  refuses: false,
  silent: null,
  ...parts,
});

const night = (spec: PlanSpec, scripts: Record<string, Partial<Script>> = {}, swapped: string[] = []): SimulatedNight =>
  new SimulatedNight(planOf(spec), {
    scripts: new Map(Object.entries(scripts).map(([name, parts]) => [name, script(parts)])),
    dice: [1],
    swapped: new Set(swapped),
  });

/** Opened, offered and accepted: whatever does not start now does not for a reason of its own. */
function ready(spec: PlanSpec): SimulatedRun {
  const run = new SimulatedRun(planOf(spec), START);
  run.waves.forEach((_, wave) => {
    run.waves[wave] = { openedAt: START, endedAt: null };
  });
  for (const host of run.hosts) Object.assign(host, { offeredAt: START, acceptedAt: START });
  return run;
}

const begins = (run: SimulatedRun, now = START): string[] =>
  decide(run.snapshot, now)
    .filter(action => action.action === 'release')
    .map(({ host }) => run.plan.hosts[host]?.planned.name ?? '')
    .sort();

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
    expect(decide(run.snapshot, START)).toEqual([{ action: 'observeFacts', host: 1 }]);
    run.host(1).role = { is: 'standby', observedAt: START - 1 };
    expect(begins(run)).toEqual([]);
    run.host(1).role = { is: 'standby', observedAt: START };
    expect(begins(run)).toEqual(['db02']);
  });

  it('is asked again where the facts have become old', () => {
    const run = ready(PAIR);
    run.host(1).role = { is: 'standby', observedAt: START };
    run.host(1).factsAsked = { first: START, last: START };
    expect(decide(run.snapshot, START + 6 * MINUTE)).toEqual([{ action: 'observeFacts', host: 1 }]);
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

describe('a failure', () => {
  it('is told by an incident that names the component, with the first line of what was said', () => {
    const run = ready({ hosts: [{ name: 'db01', jobs: JOBS }] });
    Object.assign(run.host(0), { frontier: 3, startedAt: START });
    run.host(0).jobs[0] = {
      state: 'failed',
      attempt: 1,
      spent: 0,
      message: 'exit 1\nlong\noutput',
      startedAt: START,
      endedAt: START,
    };
    expect(decide(run.snapshot, START)).toMatchObject([
      { action: 'openIncident', key: `host:r1:${idOf('db01')}:forward:stop`, title: 'stop on db01 failed: exit 1' },
      { action: 'undo', host: 0 },
    ]);
  });

  it('is none as long as the job has tries left', () => {
    const run = ready({ hosts: [{ name: 'db01', jobs: [{ id: 'stop', retries: 1 }] }] });
    Object.assign(run.host(0), { frontier: 1, startedAt: START });
    run.host(0).jobs[0] = { state: 'failed', attempt: 1, spent: 0, message: '', startedAt: START, endedAt: START };
    expect(decide(run.snapshot, START)).toEqual([]);
  });

  it('of one host of a unit takes back the other one too, after it', () => {
    const finished = night(
      {
        hosts: ['led01', 'led02'].map(name => ({ name, unit: 'ledger', jobs: JOBS })),
        precedences: [
          { before: ['led01', 'stop'], after: ['led02', 'stop'] },
          { before: ['led02', 'start'], after: ['led01', 'start'] },
        ],
      },
      { led02: { forward: ['ok', 'fail'] } },
    ).play();
    expect(finished.violations).toEqual([]);
    expect(finished.agents.map(agent => agent.standing?.state)).toEqual(['undone', 'undone']);
    const [first, second] = finished.run.hosts;
    expect(first?.turnedAt).toBeGreaterThan(second?.endedAt ?? Number.POSITIVE_INFINITY);
  });

  it('takes back what it blocks at once, while other hosts go on', () => {
    const finished = night(
      {
        hosts: [
          ...['led01', 'led02'].map(name => ({ name, unit: 'ledger', jobs: JOBS })),
          { name: 'long', jobs: [{ id: 'patch', expectedMs: 30 * MINUTE }] },
        ],
        precedences: [{ before: ['led01', 'stop'], after: ['led02', 'patch'] }],
      },
      { led01: { forward: ['fail'] } },
    ).play(START + 10 * MINUTE);
    expect(finished.agents.map(agent => agent.standing?.state)).toEqual(['undone', 'undone', 'running']);
  });

  it.each([
    ['continue', 'succeeded', 'finished'],
    ['skip-host', 'failed', 'halted'],
    ['undo-host', 'failed', 'undone'],
  ] as const)('whose job says %s ends the run %s and leaves the agent %s', (onFailure, state, standing) => {
    const jobs = [{ id: 'stop' }, { id: 'patch', onFailure }, { id: 'start' }];
    const finished = night({ hosts: [{ name: 'x', jobs }] }, { x: { forward: ['ok', 'fail'] } }).play();
    expect(finished.run.state).toBe(state);
    expect(finished.agents[0]?.standing?.state).toBe(standing);
  });

  it('whose job says hold waits for a person until the window is over', () => {
    const jobs = [{ id: 'patch', onFailure: 'hold' as const }];
    const held = night({ hosts: [{ name: 'x', jobs }] }, { x: { forward: ['fail'] } });
    held.play(START + HOUR - MINUTE);
    expect(held.run).toMatchObject({ state: 'running' });
    expect(held.run.host(0).held).toBe('"patch on x" ended failed');
    held.play();
    expect(held.run).toMatchObject({ state: 'failed', reason: '0 of 1 hosts are done; x held' });
  });
});

describe('silence', () => {
  const ONE: PlanSpec = { hosts: [{ name: 'x', jobs: JOBS }] };

  it('at work opens an incident after the deadline, which closes when the host is back', () => {
    const away = { from: START + 40_000, to: START + 5 * MINUTE };
    const back = night(ONE, { x: { silent: away } });
    back.play(START + 4 * MINUTE);
    expect(back.run.titles).toEqual([expect.stringMatching(/^stop on x: x has not been heard from for \d+ s$/)]);
    expect([...back.run.incidents.values()]).toEqual(['open']);
    back.play();
    expect([...back.run.incidents.values()]).toEqual(['resolved']);
    expect(back.run.state).toBe('succeeded');
  });

  it('before the beginning is a failure in the end, and nothing was done', () => {
    const never = night(ONE, { x: { silent: { from: START + 5_000, to: START + 99 * HOUR } } }).play();
    expect(never.run).toMatchObject({ state: 'failed' });
    expect(never.run.host(0).frontier).toBe(0);
    expect(never.run.host(0).jobs.map(job => job.state)).toEqual(['missed', 'missed', 'missed']);
    expect(never.now).toBeLessThan(START + 5 * MINUTE);
  });

  it('until its wave has ended leaves it behind: what comes back then does not begin', () => {
    const late = night(
      {
        hosts: [
          { name: 'x', wave: 'a', jobs: JOBS },
          { name: 'y', wave: 'b', jobs: [{ id: 'patch', expectedMs: 20 * MINUTE }] },
        ],
        waves: [
          { name: 'a', needs: [], maxParallel: 1, soakMs: 0 },
          { name: 'b', needs: [], maxParallel: 1, soakMs: 0 },
        ],
      },
      { x: { silent: { from: START + 5_000, to: START + 10 * MINUTE } } },
    ).play();
    expect(late.run.host(0).jobs.map(job => job.message)).toEqual(
      JOBS.map(() => 'its wave ended before it could begin'),
    );
    expect(late.run.reason).toBe('1 of 2 hosts are done; x missed');
  });

  it('at work is written off when somebody resolves its incident', () => {
    const lost = night(ONE, { x: { silent: { from: START + 40_000, to: START + 99 * HOUR } } });
    lost.play(START + 10 * MINUTE);
    expect(lost.isOver).toBe(false);
    lost.person('resolve');
    lost.tick();
    expect(lost.run).toMatchObject({ state: 'failed' });
    expect(lost.run.reason).toMatch(/^0 of 1 hosts are done; x has not been heard from for \d+ s$/);
  });

  it('of a host that is connected begins only when its job is over its time', () => {
    const run = ready(ONE);
    Object.assign(run.host(0), { frontier: 3, startedAt: START });
    run.host(0).jobs[0] = { state: 'running', attempt: 1, spent: 0, message: '', startedAt: START, endedAt: null };
    // Two minutes of timeout and the deadline of 90 s.
    expect(decide(run.snapshot, START + 210_000)).toEqual([]);
    expect(decide(run.snapshot, START + 210_001)).toMatchObject([
      { action: 'openIncident', title: 'stop on x: x is still at "stop on x", nothing was reported for 210 s' },
    ]);
  });
});

describe('budgets and waves', () => {
  const many = (wave: string, count: number) =>
    Array.from({ length: count }, (_, index) => ({ name: `${wave}${index}`, wave, jobs: JOBS }));
  const WAVES = [
    { name: 'a', needs: [], maxParallel: 1, soakMs: 0 },
    { name: 'b', needs: ['a'], maxParallel: 9, soakMs: 5 * MINUTE },
    { name: 'c', needs: [], maxParallel: 9, soakMs: 0 },
  ];
  const budget = { scope: 'wave' as const, of: 'a', maxFailed: 1, maxFailedShare: null, action: 'pause' as const };
  const spec = (budgets: PlanSpec['budgets'] = []): PlanSpec => ({
    waves: WAVES,
    hosts: [...many('a', 3), ...many('b', 2), ...many('c', 1)],
    budgets,
  });
  const bad: Partial<Script> = { forward: ['ok', 'fail'] };
  const states = (done: SimulatedNight) => done.agents.map(agent => agent.standing?.state ?? 'none');

  it('without a budget one failure stops the waves that need that wave, and only those', () => {
    const done = night(spec(), { a0: bad }).play();
    expect(states(done)).toEqual(['undone', 'finished', 'finished', 'idle', 'idle', 'finished']);
    expect(done.run.state).toBe('failed');
  });

  it('with a budget as many may fail as it says', () => {
    const done = night(spec([budget]), { a0: bad }).play();
    expect(states(done)).toEqual(['undone', 'finished', 'finished', 'finished', 'finished', 'finished']);
  });

  it('pauses when more fail, names the hosts, and goes on with the wave when resumed', () => {
    const done = night(spec([budget]), { a0: bad, a1: bad }).play(START + 20 * MINUTE);
    expect(done.run.state).toBe('paused');
    expect(done.run.titles.at(-1)).toBe('wave a: 2 of 3 hosts failed, 1 may');
    expect(states(done).slice(2)).toEqual(['idle', 'idle', 'idle', 'idle']);
    done.person('resume');
    done.play();
    expect(states(done)).toEqual(['undone', 'undone', 'finished', 'finished', 'finished', 'finished']);
  });

  it('asks again for the next failure also where one that was accepted was a silence that is over', () => {
    const hosts = ['x0', 'x1', 'x2', 'x3'].map(name => ({ name, jobs: JOBS }));
    const run = ready({ hosts, budgets: [{ ...budget, scope: 'run', of: null, maxFailed: 0 }] });
    const decided = (now: number) => {
      const actions = decide(run.snapshot, now);
      for (const action of actions) run.apply(action, now);
      return actions.map(({ action }) => action);
    };
    Object.assign(run.host(0), { connected: false, lastSeenAt: START });
    for (const index of [1, 2, 3]) run.host(index).held = 'not its turn';
    expect(decided(START + 5 * MINUTE)).toEqual(['openIncident', 'openIncident', 'pauseRun']);
    run.state = 'running';
    Object.assign(run.host(0), { connected: true, lastSeenAt: START + 6 * MINUTE });
    expect(decided(START + 6 * MINUTE)).toContain('resolveIncident');
    Object.assign(run.host(1), { acceptedAt: null, refusal: 'not-permitted: no' });
    expect(decided(START + 7 * MINUTE)).toEqual(['openIncident', 'openIncident', 'pauseRun']);
    expect(run.titles.at(-1)).toBe('the run: 1 of 4 hosts failed, 0 may');
  });

  it('stops when a budget says so, and nobody else begins', () => {
    const done = night(spec([{ ...budget, maxFailed: 0, action: 'stop' }]), { a0: bad }).play();
    expect(states(done)).toEqual(['undone', 'idle', 'idle', 'idle', 'idle', 'idle']);
    expect(done.run.state).toBe('stopped');
  });

  it('counts a refused order', () => {
    const done = night(spec([{ ...budget, maxFailed: 0, action: 'stop' }]), { a2: { refuses: true } }).play();
    expect(done.run.state).toBe('stopped');
    expect(done.run.titles[0]).toBe('a2 refused its order: not-permitted: the server does not allow it');
  });

  it('lets a wave soak before what needs it', () => {
    const waves = [
      { name: 'a', needs: [], maxParallel: 9, soakMs: 10 * MINUTE },
      { name: 'b', needs: ['a'], maxParallel: 9, soakMs: 0 },
    ];
    const done = night({ waves, hosts: [...many('a', 1), ...many('b', 1)] }).play();
    const [a, b] = done.run.waves;
    expect((b?.openedAt ?? 0) - (a?.endedAt ?? 0)).toBe(10 * MINUTE);
    expect(done.run.state).toBe('succeeded');
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
