import { describe, expect, it } from 'vitest';
import { errorsOf, NOW, planned } from './testing/world.ts';

const jobsOf = (steps: string, name = 'web01') => {
  const plan = planned({ clusters: null, select: `host.name == "${name}"`, steps });
  return plan.orders.flatMap(({ jobs }) => jobs);
};
const errors = (steps: string) => errorsOf({ clusters: null, steps });

describe('checks of the host that a policy lists', () => {
  it('become jobs with what the policy leaves out filled in', () => {
    const jobs = jobsOf(
      '[{id: clock, uses: check/clock, with: {maxOffset: 500ms}}, {id: units, uses: check/units}, ' +
        '{id: port, uses: check/tcp, with: {port: 5432, within: 1m}}]',
    );
    expect(jobs.map(({ id, call }) => [id, call])).toEqual([
      ['clock', { kind: 'check/clock', args: { maxOffsetMs: 500 } }],
      ['units', { kind: 'check/units', args: { noneFailed: true, ignore: [], active: [], withinMs: 30_000 } }],
      ['port', { kind: 'check/tcp', args: { host: '127.0.0.1', port: 5432, withinMs: 60_000 } }],
    ]);
  });

  it('ask a database over its socket as its own user', () => {
    const [job] = jobsOf('[{id: db, uses: check/sql, with: {query: select pg_is_in_recovery(), expect: f}}]');
    expect(job?.call).toEqual({
      kind: 'check/sql',
      args: {
        engine: 'postgresql',
        at: { by: 'socket', directory: '/var/run/postgresql', port: 5432 },
        database: 'postgres',
        user: 'postgres',
        systemUser: 'postgres',
        query: 'select pg_is_in_recovery()',
        expectValue: 'f',
        statementMs: 10_000,
      },
    });
  });

  it.each([
    ['a command that is no list', '[{id: a, uses: check/command, with: {command: /bin/true}}]', /command/],
    ['a unit that is none', '[{id: a, uses: check/units, with: {active: [--all]}}]', /must be a unit/],
    ['nothing to look at', '[{id: a, uses: check/units, with: {noneFailed: false}}]', /looks at nothing/],
    ['restic without a repository', '[{id: a, uses: snapshot/create, with: {method: restic}}]', /takes "repository"/],
    [
      'a repository for another method',
      '[{id: a, uses: snapshot/create, with: {repository: /r, passwordFile: /p}}]',
      /and no other/,
    ],
  ])('are refused with %s', (_what, steps, words) => {
    expect(errors(steps).join('\n')).toMatch(words);
  });
});

describe('batch work', () => {
  const steps =
    '[{id: hold, uses: batch/hold, with: {at: false, except: [keep.timer], wait: 20m}}, ' +
    '{id: stop, uses: service/stop}, {id: release, uses: batch/release}]';

  it('is held and released under one name, each the undo of the other', () => {
    const jobs = jobsOf(steps);
    const [hold, release] = [jobs.find(({ id }) => id === 'hold'), jobs.find(({ id }) => id === 'release')];
    expect(hold?.call).toMatchObject({
      kind: 'batch/hold',
      args: { cron: true, at: false, timers: 'all', except: ['keep.timer'], waitMs: 1_200_000 },
    });
    expect(release?.undo).toEqual(hold?.call);
    expect(hold?.undo).toEqual(release?.call);
  });

  it('is held only while all that follows fits the window, and released in any case', () => {
    const jobs = jobsOf(steps);
    const [hold, , release] = [jobs[0], jobs[1], jobs.at(-1)];
    expect(hold?.notAfter).toBeLessThan(release?.notAfter ?? 0);
  });

  it('is not taken back where the policy says so', () => {
    expect(jobsOf('[{id: hold, uses: batch/hold, undo: none}]')[0]?.undo).toBeNull();
  });
});

describe('a backup', () => {
  it('is of the homes of what changes, by copy, and kept', () => {
    const [job] = jobsOf('[{id: backup, uses: snapshot/create}]');
    expect(job?.call).toEqual({
      kind: 'snapshot/create',
      args: { method: 'copy', name: expect.stringContaining(`-${NOW}`), paths: ['/opt/orders-web'] },
    });
  });

  it('is by another method, of other paths and for some time where the policy says so', () => {
    const [job] = jobsOf(
      '[{id: backup, uses: snapshot/create, with: {method: restic, repository: /srv/backup, passwordFile: /etc/backup.key, ' +
        'paths: [/etc, /opt], keep: 7d}}]',
    );
    expect(job?.call).toMatchObject({ args: { method: 'restic', paths: ['/etc', '/opt'], repository: '/srv/backup' } });
    const { args } = job?.call ?? {};
    expect(args && 'expiresAt' in args && (args.expiresAt ?? 0) - 7 * 86_400_000).toBeGreaterThan(NOW);
  });

  it('that is old is deleted by a step of its own', () => {
    expect(jobsOf('[{id: old, uses: snapshot/prune}]')[0]?.call).toEqual({ kind: 'snapshot/prune', args: {} });
  });
});
