import { describe, expect, it } from 'vitest';
import { decide } from './decide.ts';
import { JOBS, night, ready } from './testing/nights.ts';
import { idOf, type PlanSpec, START } from './testing/random-plan.ts';
import type { Script } from './testing/simulated-agent.ts';
import type { SimulatedNight } from './testing/simulated-night.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;

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
