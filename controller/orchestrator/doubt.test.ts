import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decide } from './decide.ts';
import { pictureAt, pictureOf } from './picture.ts';
import { situationOf } from './situation.ts';
import type { Action, JobSnapshot } from './snapshot.ts';
import { night } from './testing/nights.ts';
import { type PlanSpec, planOf, START } from './testing/random-plan.ts';
import type { SimulatedNight } from './testing/simulated-night.ts';
import { type MutableHost, SimulatedRun } from './testing/simulated-run.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const TICK = 10_000;

/** An application that changes as a whole: the database starts once the front has been changed, and the front after it. */
const ledger = (rebootMs = 15 * MINUTE): PlanSpec => ({
  hosts: [
    {
      name: 'db',
      unit: 'application ledger',
      jobs: [{ id: 'stop' }, { id: 'patch' }, { id: 'reboot', reboots: true, expectedMs: rebootMs }, { id: 'start' }],
    },
    { name: 'app', unit: 'application ledger', jobs: [{ id: 'stop' }, { id: 'patch' }, { id: 'start' }] },
  ],
  precedences: [
    { before: ['app', 'stop'], after: ['db', 'stop'] },
    { before: ['db', 'stop'], after: ['app', 'patch'] },
    { before: ['app', 'patch'], after: ['db', 'start'] },
    { before: ['db', 'start'], after: ['app', 'start'] },
  ],
});
const DB = 0;
const APP = 1;

const states = ({ agents }: SimulatedNight) => agents.map(agent => agent.standing?.state);

describe('an application of which one host may still start the new release', () => {
  /** The database does not come back from its reboot, and somebody says to go on without it. */
  function givenUp(): SimulatedNight {
    const run = night(ledger());
    run.play(START + 10 * MINUTE);
    expect(run.run.titles).toEqual([expect.stringMatching(/^reboot on db: db is still at "reboot on db"/)]);
    run.person('resolve');
    run.tick();
    return run;
  }

  it('is not taken back behind its back: the others are held, and a person is asked', () => {
    const run = givenUp();
    expect(run.run.host(APP)).toMatchObject({
      direction: 'forward',
      held: 'nobody knows whether db begins "start on db"',
    });
    expect(run.run.titles.at(-1)).toBe('"start on db" may still begin: the rest of application ledger is held');
    expect(run.isOver).toBe(false);
    const picture = pictureOf(run.run.snapshot, run.now);
    const situation = situationOf(picture, pictureAt(picture, DB), null, () => ({ state: 'held', reason: '' }));
    expect(situation.held).toContain('app: nobody knows whether db begins "start on db"');
  });

  it('goes on as a whole when that host is heard again', () => {
    const run = givenUp().play();
    expect(run.violations).toEqual([]);
    expect(states(run)).toEqual(['finished', 'finished']);
    expect([...run.run.incidents.values()]).toEqual(['resolved', 'resolved']);
  });

  it('is left as it is where a person says so, and the run goes on without it', () => {
    const spec = ledger();
    const run = night(
      {
        ...spec,
        hosts: [...spec.hosts, { name: 'other', wave: 'b', jobs: [{ id: 'patch' }] }],
        waves: ['a', 'b'].map(name => ({ name, needs: [], maxParallel: 2, soakMs: 0 })),
      },
      { db: { silent: { from: START + 2 * MINUTE, to: START + 600 * MINUTE } } },
    );
    run.play(START + 10 * MINUTE);
    run.person('resolve');
    run.tick();
    run.person('resolve');
    run.play();
    expect(run.violations).toEqual([]);
    expect(run.run.host(APP)).toMatchObject({ direction: 'forward' });
    expect(run.run.reason).toMatch(/^1 of 3 hosts are done; db has not been heard from for \d+ s, app working$/);
    expect(run.now).toBeLessThan(START + 20 * MINUTE);
  });

  it('stays half done at the end of the window, and who is asked reads what stays so and that nothing goes on by itself', () => {
    const run = night(ledger(MINUTE), { db: { forward: ['ok', 'ok', 'unknown'] } });
    run.play(START + HOUR);
    expect(run.run.titles).toEqual(['reboot on db ended and nobody can say how: unknown']);
    expect(run.run.host(APP).held).toBeNull();
    const [asked] = decide(run.run.snapshot, START + HOUR + TICK);
    run.play();
    expect(run.isOver).toBe(true);
    expect(asked).toMatchObject({
      action: 'openIncident',
      host: DB,
      title: 'application ledger stays half done: "start on db" may still begin',
      detail:
        'db was let go on to it because the others had come so far, and how its last step ended is not known. ' +
        'The window is over, and nothing goes on by itself: app stays as it is, with what was stopped and held on it. ' +
        'Find out on db how far it came, bring application ledger to one release, and give back what is held.',
    });
  });

  it('is asked about anew where that host is in doubt a second time', () => {
    const run = night(ledger(MINUTE), { db: { forward: ['ok', 'ok', 'unknown'] } });
    const goOn = (): void => {
      run.person('resolve');
      run.tick();
    };
    run.play(START + 10 * MINUTE);
    goOn();
    const doubt = '"start on db" may still begin: the rest of application ledger is held';
    expect(run.run.titles).toEqual(['reboot on db ended and nobody can say how: unknown', doubt]);
    // A person has it done again, and once more nobody can say how it ended.
    run.run.host(DB).held = null;
    run.run.host(DB).jobs[2] = { ...job('running', 2), spent: 1, startedAt: run.now };
    run.tick();
    expect(run.run.host(APP).held).toBeNull();
    run.run.host(DB).jobs[2] = { ...job('unknown', 2), spent: 1 };
    run.tick();
    goOn();
    expect(run.run.titles.slice(2)).toEqual(['reboot on db ended and nobody can say how', doubt]);
    expect([...run.run.incidents.values()]).toEqual(['resolved', 'resolved', 'resolved', 'open']);
  });

  it('goes back as a whole where another host of it fails, first the one that may start', () => {
    const spec = ledger(5 * MINUTE);
    const [db, app] = spec.hosts;
    const jobs = [{ id: 'stop' }, { id: 'patch' }, { id: 'reboot' }, { id: 'start' }];
    const run = night(
      { ...spec, hosts: [db, { ...app, jobs }] as PlanSpec['hosts'] },
      { app: { forward: ['ok', 'ok', 'fail'] } },
    );
    run.play();
    expect(run.violations).toEqual([]);
    expect(states(run)).toEqual(['undone', 'undone']);
    expect(run.agents[DB]?.begun).toEqual([0, 1, 2]);
    expect(run.run.host(APP).turnedAt).toBeGreaterThan(run.run.host(DB).undo.get(2)?.startedAt ?? Infinity);
  });
});

const job = (state: JobSnapshot['state'], attempt = 1): JobSnapshot => ({
  state,
  attempt,
  spent: 0,
  message: '',
  startedAt: START,
  endedAt: START,
});
const AN_HOUR_AGO = START - 60 * MINUTE;
const fallSilent = (host: MutableHost): void => {
  Object.assign(host, { connected: false, lastSeenAt: AN_HOUR_AGO, startedAt: AN_HOUR_AGO });
  host.jobs = host.jobs.map(known => ({ ...known, startedAt: AN_HOUR_AGO, endedAt: AN_HOUR_AGO }));
};
const turned = (host: MutableHost): void => {
  Object.assign(host, { frontier: 4, direction: 'undo', turnedAt: AN_HOUR_AGO });
  host.jobs = [job('succeeded'), job('succeeded'), job('succeeded'), job('cancelled', 0)];
};

/** What the database must look like to be what a row of the table calls it; the front has failed and is to be taken back. */
const ROWS: Record<string, (host: MutableHost) => void> = {
  'at a hold point': host => {
    Object.assign(host, {
      frontier: 3,
      jobs: [job('succeeded'), job('succeeded'), job('succeeded'), job('pending', 0)],
    });
  },
  'at work on what waits for nobody': host => {
    Object.assign(host, { frontier: 3, jobs: [job('succeeded'), job('succeeded'), job('running'), job('pending', 0)] });
  },
  'let go to a job that waits for others of the unit': host => {
    Object.assign(host, {
      frontier: 4,
      jobs: [job('succeeded'), job('succeeded'), job('running'), job('released', 0)],
    });
  },
  'the same, and silent': host => {
    ROWS['let go to a job that waits for others of the unit']?.(host);
    fallSilent(host);
  },
  'the same, halted by a job that is unknown': host => {
    Object.assign(host, {
      frontier: 4,
      jobs: [job('succeeded'), job('succeeded'), job('unknown'), job('released', 0)],
    });
  },
  'the same, halted by a failure': host => {
    Object.assign(host, { frontier: 4, jobs: [job('succeeded'), job('succeeded'), job('failed'), job('released', 0)] });
  },
  'told to turn, and has not said that it has': turned,
  'told to turn, and silent': host => {
    turned(host);
    fallSilent(host);
  },
  'on its way back': host => {
    turned(host);
    host.undo.set(2, job('running'));
  },
  undone: host => {
    turned(host);
    host.endedAt = START;
  },
  done: host => {
    Object.assign(host, { frontier: 4, jobs: [1, 2, 3, 4].map(() => job('succeeded')) });
  },
};

function table(): { row: string; cell: string }[] {
  const text = readFileSync(new URL('./README.md', import.meta.url), 'utf8');
  const lines = text.slice(text.indexOf('## Taking back a host of a unit')).split('\n');
  return lines
    .filter(line => line.startsWith('| ') && !line.startsWith('| another host of it is') && !line.startsWith('| --'))
    .map(line => line.split('|').map(cell => cell.trim()))
    .map(([, row = '', cell = '']) => ({ row, cell }));
}

function told(actions: readonly Action[]): string {
  const about = (name: Action['action'], host: number) =>
    actions.some(action => action.action === name && 'host' in action && action.host === host);
  if (about('undo', APP)) return 'is taken back';
  if (about('undo', DB)) return 'waits, and the other is taken back';
  if (about('hold', APP)) return about('openIncident', DB) ? 'is held, with an incident' : 'is held';
  return 'waits';
}

describe('the table of the README', () => {
  it('has a row for everything that another host can be, and for nothing else', () => {
    expect(table().map(({ row }) => row)).toEqual(Object.keys(ROWS));
  });

  it.each(table())('says what becomes of a host where another is $row: it $cell', ({ row, cell }) => {
    const run = new SimulatedRun(planOf(ledger()), AN_HOUR_AGO);
    run.waves[0] = { openedAt: AN_HOUR_AGO, endedAt: null };
    for (const host of run.hosts) Object.assign(host, { offeredAt: START, acceptedAt: START, startedAt: START });
    Object.assign(run.host(APP), { frontier: 2, jobs: [job('succeeded'), job('failed'), job('pending', 0)] });
    ROWS[row]?.(run.host(DB));
    expect(told(decide(run.snapshot, START))).toBe(cell);
  });
});
