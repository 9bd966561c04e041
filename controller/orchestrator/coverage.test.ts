import type { Gate } from '@tidemark/shared/orders/plan.ts';
import { describe, expect, it } from 'vitest';
import { decide } from './decide.ts';
import type { RunSnapshot } from './snapshot.ts';
import { planOf, START } from './testing/random-plan.ts';
import { SimulatedRun } from './testing/simulated-run.ts';

const JOBS = [{ id: 'stop' }, { id: 'patch' }];
const NOW = START + 60_000;

/** Two hosts that have accepted their orders; where asked for, the first one has begun. */
function run(begun: boolean, onExpire: 'hold' | 'cancel' = 'hold'): SimulatedRun {
  const sample = planOf({ hosts: ['x', 'y'].map(name => ({ name, jobs: JOBS })) });
  sample.header.approvals = [{ gate: 'plan', from: [], need: 1, notAuthor: false, expiresMs: null, onExpire }];
  const made = new SimulatedRun(sample, START);
  made.apply({ action: 'openWave', wave: 0 }, START);
  for (const host of made.hosts) Object.assign(host, { offeredAt: START, acceptedAt: START });
  if (begun) made.apply({ action: 'release', host: 0, upTo: 1 }, START);
  return made;
}

describe('a wave whose approval has ended while it is open', () => {
  const gate: Gate = {
    ...{ kind: 'approval', name: 'owner', from: [], need: 1, notAuthor: false, expiresMs: null, onExpire: 'hold' },
  };
  const open = (onExpire: 'hold' | 'cancel') => {
    const made = run(true);
    made.plan.header.waves[0]?.gates.push({ ...gate, onExpire } as Gate);
    return made;
  };
  const given = new Map([['0:0', { state: 'passed' as const, detail: '', since: START, checkedAt: START }]]);

  it('asks once, lets go on what has begun, and starts the others when it is given anew; each time it asks anew', () => {
    const made = open('hold');
    const act = (gates: RunSnapshot['gates']) => {
      const actions = decide({ ...made.snapshot, ...(gates && { gates }) }, NOW);
      for (const action of actions) made.apply(action, NOW);
      return actions.map(({ action }) => action);
    };
    expect(act(new Map())).toEqual(['openIncident']);
    expect(act(new Map())).toEqual(['release']);
    expect(act(new Map())).toEqual([]);
    expect(made.host(1).frontier).toBe(0);
    expect(act(given)).toEqual(['resolveIncident']);
    expect(act(new Map())).toEqual(['openIncident']);
    expect([...made.incidents.values()]).toEqual(['resolved', 'open']);
    expect(act(given)).toEqual(['resolveIncident']);
    expect(act(given)).toEqual(['release']);
    expect(made.host(1).frontier).toBe(2);
  });

  it('asks nobody where the policy cancels what has not begun', () => {
    const actions = decide({ ...open('cancel').snapshot, gates: new Map() }, NOW);
    expect(actions).toEqual([{ action: 'release', host: 0, upTo: 2 }]);
  });
});

describe('a plan whose approval has ended', () => {
  it('starts nobody, asks once, and lets go on what has begun', () => {
    const made = run(true);
    const uncovered = 'it needs 1 approvals and has 0';
    const first = decide({ ...made.snapshot, uncovered }, NOW);
    expect(first.map(({ action }) => action)).toEqual(['openIncident', 'pauseRun']);
    for (const action of first) made.apply(action, NOW);
    const next = decide({ ...made.snapshot, uncovered }, NOW);
    expect(next).toEqual([{ action: 'release', host: 0, upTo: 2 }]);
  });

  it('pauses again where somebody resumes without a new one', () => {
    const made = run(false);
    const snapshot = { ...made.snapshot, uncovered: 'gone' };
    for (const action of decide(snapshot, NOW)) made.apply(action, NOW);
    made.state = 'running';
    const again = decide({ ...made.snapshot, uncovered: 'gone' }, NOW);
    expect(again.map(({ action }) => action)).toEqual(['pauseRun']);
  });

  it('stops the run where the policy cancels what has not begun', () => {
    const actions = decide({ ...run(false, 'cancel').snapshot, uncovered: 'gone' }, NOW);
    expect(actions.map(({ action }) => action)).toEqual(['openIncident', 'stopRun']);
  });

  it('does not matter any more once all have begun', () => {
    const made = run(true);
    made.apply({ action: 'release', host: 1, upTo: 1 }, START);
    const actions = decide({ ...made.snapshot, uncovered: 'gone' }, NOW);
    expect(actions.map(({ action }) => action)).toEqual(['release', 'release']);
  });
});
