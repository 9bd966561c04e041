import { describe, expect, it } from 'vitest';
import { decide } from './decide.ts';
import type { Action, JobSnapshot } from './snapshot.ts';
import { type JobSpec, type PlanSpec, planOf, START } from './testing/random-plan.ts';
import { SimulatedRun } from './testing/simulated-run.ts';

const MINUTE = 60_000;
const JOBS: JobSpec[] = [{ id: 'backup', prepares: true }, { id: 'stop' }, { id: 'patch' }];
const DONE: JobSnapshot = {
  ...{ state: 'succeeded', attempt: 1, spent: 0, message: '' },
  ...{ startedAt: START, endedAt: START },
};

/** A pair of which db02 has begun, and db01 waits for it. */
function pair(spec: Partial<PlanSpec> = {}): SimulatedRun {
  const run = new SimulatedRun(
    planOf({
      hosts: ['db01', 'db02'].map(name => ({ name, cluster: 'db', jobs: JOBS })),
      clusters: [{ name: 'db', onFailure: 'continue' }],
      limits: [{ hosts: ['db01', 'db02'], maxOut: 1 }],
      ...spec,
    }),
    START,
  );
  run.waves[0] = { openedAt: START, endedAt: null };
  for (const host of run.hosts) Object.assign(host, { offeredAt: START, acceptedAt: START });
  Object.assign(run.host(1), { frontier: 1, startedAt: START });
  return run;
}

/** The same after its backup, however long that took. */
function prepared(spec: Partial<PlanSpec> = {}): SimulatedRun {
  const run = pair(spec);
  run.host(1).jobs[0] = DONE;
  return run;
}

function act(run: SimulatedRun, now: number): Action[] {
  const actions = decide(run.snapshot, now);
  for (const action of actions) run.apply(action, now);
  return actions;
}

describe('a member of a cluster', () => {
  it('is released to where it is prepared, and on once it stands there and its peer is well', () => {
    const fresh = pair();
    Object.assign(fresh.host(1), { frontier: 0, startedAt: null });
    expect(decide(fresh.snapshot, START)).toEqual([{ action: 'release', host: 0, upTo: 1 }]);
    expect(decide(pair().snapshot, START + MINUTE)).toEqual([]);
    expect(decide(prepared().snapshot, START + MINUTE)).toEqual([{ action: 'release', host: 1, upTo: 3 }]);
  });

  it('is not touched where its peer has gone while it was prepared; people are asked', () => {
    const run = prepared();
    run.host(0).connected = false;
    for (const _ of ['it is silent', 'the cluster waits for it'])
      expect(act(run, START + 10 * MINUTE).map(({ action }) => action)).toEqual(['openIncident']);
    expect(run.titles).toContain(
      'cluster db needs 1 healthy members beside it and has 0: db01 has not been heard from for 600 s',
    );
    expect(act(run, START + 11 * MINUTE)).toEqual([]);
    Object.assign(run.host(0), { connected: true, lastSeenAt: START + 12 * MINUTE });
    expect(act(run, START + 12 * MINUTE)).toContainEqual({
      action: 'resolveIncident',
      key: expect.any(String),
      reason: 'db01 was heard from again',
    });
    expect(act(run, START + 12 * MINUTE)).toEqual([{ action: 'release', host: 1, upTo: 3 }]);
  });

  it('waits without a word for a peer whose connection has only just gone', () => {
    const run = prepared();
    run.host(0).connected = false;
    expect(decide(run.snapshot, START + MINUTE)).toEqual([]);
  });

  it('is taken back where the time is over in which it could still have been touched', () => {
    const run = prepared();
    run.host(0).connected = false;
    for (const _ of ['it is silent', 'the cluster waits for it']) act(run, START + 10 * MINUTE);
    // Stop and patch take half a minute each; the window has an hour.
    expect(act(run, START + 59 * MINUTE)).toMatchObject([{ action: 'cancel', host: 0, as: 'missed' }]);
    expect(act(run, START + 59 * MINUTE)).toMatchObject([{ action: 'resolveIncident' }]);
    expect(act(run, START + 59 * MINUTE)).toEqual([]);
    expect(act(run, START + 59 * MINUTE + 1)).toMatchObject([{ action: 'undo', host: 1 }]);
  });

  it('is taken back where somebody gives up waiting for the peer', () => {
    const run = prepared();
    run.host(0).connected = false;
    for (const _ of ['it is silent', 'the cluster waits for it']) act(run, START + 10 * MINUTE);
    expect(act(run, START + 11 * MINUTE)).toEqual([]);
    for (const key of run.incidents.keys()) run.incidents.set(key, 'resolved');
    expect(act(run, START + 11 * MINUTE)).toMatchObject([{ action: 'undo', host: 1 }]);
  });

  it('is not touched either where it has taken another role while it was prepared', () => {
    const hosts = (['active', 'standby'] as const).map((role, at) => ({
      ...{ name: `db0${at + 1}`, cluster: 'db', role, jobs: JOBS },
    }));
    const run = prepared({ hosts });
    run.host(1).role = { is: 'standby', observedAt: START + 10 * MINUTE };
    expect(decide(run.snapshot, START + 11 * MINUTE)).toEqual([{ action: 'release', host: 1, upTo: 3 }]);
    expect(decide(run.snapshot, START + 16 * MINUTE)).toMatchObject([{ action: 'observeFacts', host: 1 }]);
    run.host(1).role = { is: 'active', observedAt: START + 16 * MINUTE };
    expect(act(run, START + 16 * MINUTE).map(({ action }) => action)).toEqual(['openIncident', 'hold']);
    expect(run.titles).toEqual(['cluster db: db02 is active, it was planned as standby']);
  });
});
