import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isExceeded } from './budgets.ts';
import { countsAsFailed, isAtWork, isOut, isSettled, pictureAt, pictureOf } from './picture.ts';
import type { JobSnapshot } from './snapshot.ts';
import { planOf, START } from './testing/random-plan.ts';
import { type MutableHost, SimulatedRun } from './testing/simulated-run.ts';

const HOUR = 3_600_000;

const job = (state: JobSnapshot['state'], attempt = 1): JobSnapshot => ({
  state,
  attempt,
  spent: 0,
  message: '',
  startedAt: START,
  endedAt: START,
});

/** What the host must look like to be what a row of the table calls it. */
const ROWS: Record<string, (host: MutableHost) => void> = {
  waiting: () => {},
  'waiting and held': host => {
    host.held = 'a person';
  },
  'waiting and silent': host => {
    Object.assign(host, { connected: false, lastSeenAt: START - HOUR });
  },
  refused: host => {
    Object.assign(host, { acceptedAt: null, refusal: 'not-permitted: no' });
  },
  missed: host => {
    host.jobs = [job('missed', 0), job('missed', 0)];
  },
  cancelled: host => {
    host.jobs = [job('cancelled', 0), job('cancelled', 0)];
  },
  working: host => {
    Object.assign(host, { frontier: 2, jobs: [job('running'), job('released', 0)] });
  },
  'working and silent': host => {
    Object.assign(host, { frontier: 2, jobs: [job('running'), job('released', 0)], connected: false });
    Object.assign(host, { lastSeenAt: START - HOUR, startedAt: START - HOUR });
  },
  'at a hold point': host => {
    Object.assign(host, { frontier: 1, jobs: [job('succeeded'), job('pending', 0)] });
  },
  'at a hold point and held': host => {
    Object.assign(host, { frontier: 1, jobs: [job('succeeded'), job('pending', 0)], held: 'a person' });
  },
  done: host => {
    Object.assign(host, { frontier: 2, jobs: [job('succeeded'), job('skipped')] });
  },
  'done after a failure that it continues after': host => {
    Object.assign(host, { frontier: 2, jobs: [job('succeeded'), job('failed')] });
  },
  'halted by a failure': host => {
    Object.assign(host, { frontier: 2, jobs: [job('failed'), job('released', 0)] });
  },
  'halted by a job that was missed': host => {
    Object.assign(host, { frontier: 2, jobs: [job('missed'), job('released', 0)] });
  },
  'halted by a job that is unknown': host => {
    Object.assign(host, { frontier: 2, jobs: [job('succeeded'), job('unknown')] });
  },
  'halted and held': host => {
    Object.assign(host, { frontier: 2, jobs: [job('unknown'), job('released', 0)], held: 'a person' });
  },
  skipped: host => {
    Object.assign(host, { frontier: 2, jobs: [job('failed'), job('cancelled', 0)] });
  },
  undoing: host => {
    Object.assign(host, { frontier: 2, direction: 'undo', jobs: [job('failed'), job('cancelled', 0)] });
  },
  undone: host => {
    Object.assign(host, { frontier: 2, direction: 'undo', endedAt: START, jobs: [job('failed'), job('cancelled', 0)] });
  },
  'not undone': host => {
    Object.assign(host, { frontier: 2, direction: 'undo', undo: new Map([[0, job('failed')]]) });
  },
  'not undone and held': host => {
    Object.assign(host, { frontier: 2, direction: 'undo', undo: new Map([[0, job('failed')]]), held: 'a person' });
  },
};

function table(): { row: string; cells: string[] }[] {
  const text = readFileSync(new URL('./README.md', import.meta.url), 'utf8');
  const lines = (text.slice(text.indexOf('## Failure arithmetic')).split('\n## ', 1)[0] ?? '').split('\n');
  return lines
    .filter(line => line.startsWith('| ') && !line.startsWith('| a host') && !line.startsWith('| --'))
    .map(line => line.split('|').map(cell => cell.trim()))
    .map(([, row = '', ...cells]) => ({ row, cells: cells.slice(0, 4) }));
}

describe('the failure arithmetic of the README', () => {
  it('has a row for everything that a host can be, and for nothing else', () => {
    expect(table().map(({ row }) => row)).toEqual(Object.keys(ROWS));
  });

  it.each(table())('says of a host that is $row what the rules do', ({ row, cells }) => {
    // The second job is the one that may fail and be continued after; the first one skips the host.
    const jobs = [
      { id: 'stop', onFailure: 'skip-host' as const },
      { id: 'scan', onFailure: 'continue' as const },
    ];
    const run = new SimulatedRun(planOf({ hosts: [{ name: 'web01', jobs }] }), START - HOUR);
    run.waves[0] = { openedAt: START - HOUR, endedAt: null };
    const host = run.host(0);
    Object.assign(host, { offeredAt: START, acceptedAt: START });
    ROWS[row]?.(host);
    const picture = pictureAt(pictureOf(run.snapshot, START), 0);
    const said = [countsAsFailed, isOut, isAtWork, isSettled].map(rule => (rule(picture) ? 'yes' : 'no'));
    expect(said).toEqual(cells);
  });
});

describe('a budget', () => {
  it.each([
    [{ maxFailed: 0, maxFailedShare: null }, 0, 10, false],
    [{ maxFailed: 0, maxFailedShare: null }, 1, 10, true],
    [{ maxFailed: 2, maxFailedShare: null }, 2, 10, false],
    [{ maxFailed: 2, maxFailedShare: null }, 3, 10, true],
    [{ maxFailed: null, maxFailedShare: 0.05 }, 1, 20, false],
    [{ maxFailed: null, maxFailedShare: 0.05 }, 2, 20, true],
    [{ maxFailed: null, maxFailedShare: 0 }, 1, 1000, true],
    [{ maxFailed: 5, maxFailedShare: 0.5 }, 2, 3, true],
    [{ maxFailed: 1, maxFailedShare: 0.9 }, 2, 20, true],
    [{ maxFailed: null, maxFailedShare: null }, 9, 9, false],
    [{ maxFailed: null, maxFailedShare: 0.5 }, 0, 0, false],
  ])('%o with %i of %i failed is exceeded: %s', (budget, failed, hosts, exceeded) => {
    expect(isExceeded(budget, failed, hosts)).toBe(exceeded);
  });
});
