import { describe, expect, it } from 'vitest';
import { decide } from './decide.ts';
import type { Action } from './snapshot.ts';
import { type PlanSpec, planOf, START } from './testing/random-plan.ts';
import { SimulatedRun } from './testing/simulated-run.ts';

const MINUTE = 60_000;
const JOBS = [{ id: 'stop' }, { id: 'patch' }];
const PAIR: PlanSpec = {
  hosts: [
    { name: 'db01', cluster: 'db', role: 'active', jobs: JOBS },
    { name: 'db02', cluster: 'db', role: 'standby', jobs: JOBS },
  ],
  precedences: [{ before: ['db02', 'patch'], after: ['db01', 'stop'] }],
  limits: [{ hosts: ['db01', 'db02'], maxOut: 1 }],
  clusters: [{ name: 'db', onFailure: 'hold-cluster' }],
};
const STANDBY = 1;

function ready(spec: PlanSpec): SimulatedRun {
  const run = new SimulatedRun(planOf(spec), START);
  run.waves[0] = { openedAt: START, endedAt: null };
  for (const host of run.hosts) Object.assign(host, { offeredAt: START, acceptedAt: START });
  return run;
}

/** Looks every fifteen seconds, does what is decided, and gives the last of what was. */
function look(run: SimulatedRun, from: number, to: number): Action[] {
  let last: Action[] = [];
  for (let now = from; now <= to; now += 15_000)
    for (let round = 0; round < 5 && run.state === 'running'; round++) {
      const actions = decide(run.snapshot, now);
      if (actions.length === 0) break;
      for (const action of actions) run.apply(action, now);
      last = actions;
    }
  return last;
}

describe('a member that has told its role and is asked again', () => {
  const TITLE = 'cluster db: whether db02 is active or standby is not known: it does not answer when it is asked';

  /** Its wave has its turn when what it told is old. */
  function told(): SimulatedRun {
    const run = ready(PAIR);
    run.host(STANDBY).role = { is: 'standby', observedAt: START };
    return run;
  }

  it('is held where it answers no more, and a person is asked', () => {
    const run = told();
    expect(look(run, START + 14 * MINUTE, START + 15 * MINUTE)).toMatchObject([{ action: 'observeFacts' }]);
    expect(run.titles).toEqual([]);
    look(run, START + 15 * MINUTE, START + 16 * MINUTE);
    expect(run.titles).toEqual([TITLE]);
    expect(run.host(STANDBY)).toMatchObject({ held: TITLE, frontier: 0 });
  });

  it('is asked on, and goes on by itself as soon as it answers', () => {
    const run = told();
    look(run, START + 14 * MINUTE, START + 30 * MINUTE);
    expect(run.host(STANDBY).factsAsked).toEqual({ first: START + 14 * MINUTE, last: START + 30 * MINUTE });
    run.host(STANDBY).role = { is: 'standby', observedAt: START + 31 * MINUTE };
    look(run, START + 31 * MINUTE, START + 31 * MINUTE);
    expect([...run.incidents.values()]).toEqual(['resolved']);
    expect(run.host(STANDBY)).toMatchObject({ held: null, frontier: 2 });
  });

  it('is held again where it then says that its role is another one', () => {
    const run = told();
    look(run, START + 14 * MINUTE, START + 16 * MINUTE);
    run.host(STANDBY).role = { is: 'active', observedAt: START + 17 * MINUTE };
    look(run, START + 17 * MINUTE, START + 17 * MINUTE);
    expect(run.titles.at(-1)).toBe('cluster db: db02 is active, it was planned as standby');
    expect([...run.incidents.values()]).toEqual(['resolved', 'open']);
    expect(run.host(STANDBY)).toMatchObject({ held: run.titles.at(-1), frontier: 0 });
  });

  it('stays where it is once a person goes on without it', () => {
    const run = told();
    look(run, START + 14 * MINUTE, START + 16 * MINUTE);
    for (const key of run.incidents.keys()) run.incidents.set(key, 'resolved');
    run.host(STANDBY).role = { is: 'standby', observedAt: START + 17 * MINUTE };
    look(run, START + 17 * MINUTE, START + 17 * MINUTE);
    expect(run.host(STANDBY)).toMatchObject({ held: TITLE, frontier: 0 });
    expect(run.reason).toBe('0 of 2 hosts are done; db01 cancelled, db02 cancelled');
  });

  it('has all of its time for each question: what it answered before does not count, nor what nobody could hear', () => {
    const run = told();
    // Asked at the beginning, and it answered.
    run.host(STANDBY).factsAsked = { first: START - MINUTE, last: START };
    run.host(STANDBY).role = { is: null, observedAt: START + 13 * MINUTE };
    look(run, START + 14 * MINUTE, START + 15 * MINUTE);
    expect(run.titles).toEqual([]);
    const { snapshot } = run;
    const deadlines = { ...snapshot.deadlines, listeningSince: START + 15 * MINUTE };
    const later = decide({ ...snapshot, deadlines }, START + 16 * MINUTE);
    expect(later).toMatchObject([{ action: 'observeFacts', since: START + 14 * MINUTE }]);
  });
});

describe('a member whose peer does not tell whether it is well', () => {
  const HEALTH: PlanSpec = {
    ...PAIR,
    hosts: ['db01', 'db02'].map(name => ({ name, cluster: 'db', jobs: JOBS })),
    precedences: [],
    clusters: [{ name: 'db', onFailure: 'continue', healthyWhen: 'facts.replicates' }],
  };

  it('waits for it, and after a deadline a person is asked', () => {
    const run = ready(HEALTH);
    run.host(0).healthy = { is: true, observedAt: START };
    run.host(1).healthy = { is: true, observedAt: START };
    look(run, START + 10 * MINUTE, START + 11 * MINUTE);
    expect(run.titles).toEqual([]);
    look(run, START + 11 * MINUTE, START + 12 * MINUTE);
    expect(run.titles).toEqual([
      'cluster db needs 1 healthy members beside it and has 0: db02 does not tell whether it is well',
      'cluster db needs 1 healthy members beside it and has 0: db01 does not tell whether it is well',
    ]);
    expect(run.hosts.map(({ frontier }) => frontier)).toEqual([0, 0]);
  });

  it('goes on as soon as that one is well, and is given up where a person says so', () => {
    const run = ready(HEALTH);
    look(run, START, START + 30 * MINUTE);
    expect(run.host(1).factsAsked?.last).toBe(START + 30 * MINUTE);
    run.host(1).healthy = { is: true, observedAt: START + 31 * MINUTE };
    look(run, START + 31 * MINUTE, START + 31 * MINUTE);
    expect(run.host(0).frontier).toBe(2);
    const other = ready(HEALTH);
    look(other, START, START + 5 * MINUTE);
    for (const key of other.incidents.keys()) other.incidents.set(key, 'resolved');
    look(other, START + 6 * MINUTE, START + 7 * MINUTE);
    expect(other.state).toBe('failed');
    expect(other.reason).toBe('0 of 2 hosts are done; db01 cancelled, db02 cancelled');
  });
});
