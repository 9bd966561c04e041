import { describe, expect, it } from 'vitest';
import type { RunView } from '../../api/contract/runs.ts';
import { HostRunState } from '../../api/contract/runs.ts';
import { iso, sampleHost, sampleJob, sampleRun } from '../testing/samples.ts';
import { changeLines, currentJob, hostLines, runHasEnded, runLines, waitsForPerson } from './run.ts';

const running = sampleHost({
  state: 'running',
  startedAt: iso(5_000),
  expectedEndAt: iso(120_000),
  jobs: [
    sampleJob({ state: 'succeeded', attempt: 1 }),
    sampleJob({ position: 1, name: 'patch orders-web on web01', state: 'running', attempt: 2 }),
  ],
});
const failed = sampleHost({
  host: 'zz-last',
  wave: 'rest',
  state: 'failed',
  startedAt: iso(0),
  endedAt: iso(30_000),
  jobs: [sampleJob({ name: 'check orders-web on zz-last', state: 'failed', attempt: 1, message: 'status 503' })],
});

describe('the view of a run', () => {
  it('says the sum, the window and the expected end in its first line', () => {
    const [first] = runLines(sampleRun({ hosts: [running, sampleHost({ host: 'b', state: 'succeeded' })] }));
    expect(first).toBe(
      'run r1 orders-monthly: running · 1 of 2 hosts done · 1 at work · elapsed 1m05s · expected end 21:10:00Z · window closes 01:00:00Z (in 3h58m)',
    );
  });

  it('has one line a host with state, elapsed time, expected end and the job that runs', () => {
    const lines = runLines(sampleRun({ hosts: [running] }));
    expect(lines.at(-1)).toBe(
      'web01  canary  running  1m00s  ends  21:02:00Z  2/2 patch orders-web on web01 (attempt 2)',
    );
  });

  it('puts what is wrong first, with the reason, however late its wave is', () => {
    const view = sampleRun({ hosts: [running, failed], openIncidents: 1 });
    expect(hostLines(view).map(line => line.host)).toEqual(['zz-last', 'web01']);
    expect(hostLines(view)[0]?.doing).toBe('1/1 check orders-web on zz-last — status 503');
    expect(runLines(view)[1]).toBe('1 host needs a look, 1 open incident: "tidemark get incidents" says what to do');
  });

  it('says that an agent is away only while that matters', () => {
    const away = sampleHost({ ...running, connected: false });
    expect(hostLines(sampleRun({ hosts: [away] }))[0]?.doing).toContain('its agent is not connected');
    const done = sampleHost({ state: 'succeeded', connected: false });
    expect(hostLines(sampleRun({ hosts: [done] }))[0]?.doing).toBe('2 jobs done');
  });

  it('fits the screen: no line is wider, and hosts that do not fit are counted', () => {
    const hosts = Array.from({ length: 50 }, (_, index) => sampleHost({ host: `web${index}` }));
    const lines = runLines(sampleRun({ hosts }), { columns: 40, rows: 20 });
    expect(lines.length).toBeLessThanOrEqual(20);
    expect(Math.max(...lines.map(line => line.length))).toBeLessThanOrEqual(40);
    expect(lines.at(-1)).toMatch(/^… and \d+ hosts more$/);
  });

  it('shows escape sequences in names and messages as text', () => {
    const evil = sampleHost({ state: 'held', reason: '\u001b[2J\u202egone' });
    const shown = runLines(sampleRun({ hosts: [evil] })).join('\n');
    expect(shown).toContain('gone');
    for (const character of ['\u001b', '\u202e']) expect(shown).not.toContain(character);
  });

  it.each(HostRunState.options)('has a line for a host that is %s', state => {
    expect(hostLines(sampleRun({ hosts: [sampleHost({ state })] }))).toMatchObject([{ state }]);
  });

  it('shows while undoing the job that is being taken back', () => {
    const undoing = sampleHost({
      state: 'undoing',
      direction: 'undo',
      jobs: [
        sampleJob({ state: 'failed' }),
        sampleJob({ direction: 'undo', state: 'running', attempt: 1, name: 'undo of stop web on web01' }),
      ],
    });
    expect(currentJob(undoing)?.direction).toBe('undo');
    expect(hostLines(sampleRun({ hosts: [undoing] }))[0]?.doing).toBe('1/1 undo of stop web on web01');
  });
});

describe('lines for where nothing can be drawn over', () => {
  const look = (change: Partial<RunView>) => sampleRun({ hosts: [running], ...change });

  it('begins with the sum, the open waves and the hosts at work', () => {
    expect(changeLines(null, look({}))).toEqual([
      expect.stringMatching(/^21:01:05Z run r1 orders-monthly: running/),
      '21:01:05Z wave canary: open',
      '21:01:05Z web01 running: 2/2 patch orders-web on web01 (attempt 2)',
    ]);
  });

  it('says nothing when only time has passed', () => {
    expect(changeLines(look({}), look({ asOf: iso(90_000), expectedEndAt: iso(700_000) }))).toEqual([]);
  });

  it('does not repeat a silent host because more seconds have passed', () => {
    const silent = (seconds: number) =>
      look({ hosts: [sampleHost({ state: 'failed', reason: `has not been heard from for ${seconds} s` })] });
    expect(changeLines(silent(95), silent(96))).toEqual([]);
    const other = look({ hosts: [sampleHost({ state: 'failed', reason: 'has not answered the offer for 96 s' })] });
    expect(changeLines(silent(95), other)).toHaveLength(1);
  });

  it('says what changed, and only that', () => {
    const next = look({
      hosts: [sampleHost({ ...running, jobs: [sampleJob({ state: 'running', attempt: 1 })] })],
      waves: [{ name: 'canary', state: 'soaking', openedAt: iso(0), endedAt: null }],
    });
    expect(changeLines(look({}), next)).toEqual([
      '21:01:05Z wave canary: soaking',
      '21:01:05Z web01 running: 1/1 stop web orders-web on web01',
    ]);
  });
});

describe('how a run stands', () => {
  it.each([
    ['running', false],
    ['paused', false],
    ['stopping', false],
    ['succeeded', true],
    ['failed', true],
    ['stopped', true],
  ] as const)('a run that is %s has ended: %s', (state, ended) => expect(runHasEnded({ state })).toBe(ended));

  it.each([
    ['paused with nobody at work', sampleRun({ state: 'paused' }), true],
    ['paused while a host finishes', sampleRun({ state: 'paused', hosts: [running] }), false],
    ['held with an incident', sampleRun({ hosts: [sampleHost({ state: 'held' })], openIncidents: 1 }), true],
    [
      'held beside a host at work',
      sampleRun({ hosts: [sampleHost({ state: 'held' }), running], openIncidents: 1 }),
      false,
    ],
    [
      'waiting for one that has been silent for too long',
      sampleRun({ hosts: [sampleHost({ state: 'failed' })], openIncidents: 1 }),
      true,
    ],
    [
      'waiting for a silent one beside a host at work',
      sampleRun({ hosts: [sampleHost({ state: 'failed' }), running], openIncidents: 1 }),
      false,
    ],
    [
      'going on after a failure that was decided',
      sampleRun({ hosts: [sampleHost({ state: 'failed', endedAt: iso(5_000) })], openIncidents: 0 }),
      false,
    ],
    ['waiting for the next wave', sampleRun({}), false],
    ['ended', sampleRun({ state: 'failed' }), false],
  ])('%s', (_, view, waits) => expect(waitsForPerson(view)).toBe(waits));
});
