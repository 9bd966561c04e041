// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders of the policy language.
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

  it('is released where a host would be skipped while it is held, also by a hold that did not get all of it', () => {
    const jobs = jobsOf(
      '[{id: space, uses: check/disk}, {id: hold, uses: batch/hold}, {id: backup, uses: snapshot/create, onFailure: skip-host}, ' +
        '{id: stop, uses: service/stop}, {id: release, uses: batch/release}, {id: after, uses: check/clock}]',
    );
    expect(jobs.map(({ step, onFailure }) => `${step} ${onFailure}`)).toEqual([
      'space skip-host',
      'hold undo-host',
      'backup undo-host',
      'stop undo-host',
      'release hold',
      'after skip-host',
    ]);
  });

  it('that is never to be taken back lets a host be skipped all the same', () => {
    const [, backup] = jobsOf('[{id: hold, uses: batch/hold, undo: none}, {id: backup, uses: snapshot/create}]');
    expect(backup?.onFailure).toBe('skip-host');
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

describe('a cluster that is handed over by what manages it', () => {
  const clusters = (settings: string) =>
    `[{name: ordersdb, activeWhen: facts.ordersdb.role == "active", handover: {uses: cluster/handover, with: ${settings}}}]`;
  const steps = '[{id: clock, uses: check/clock}, {id: over, uses: cluster/handover}]';
  const call = (settings: string) =>
    planned({ clusters: clusters(settings), steps })
      .orders.flatMap(({ jobs }) => jobs)
      .find(({ step }) => step === 'over')?.call;

  it('names its members as the landscape does, unless the policy says otherwise', () => {
    expect(call('{manager: patroni}')?.args).toEqual({
      cluster: 'ordersdb',
      manager: 'patroni',
      unit: 'patroni.service',
      configuration: '/etc/patroni/config.yml',
      member: 'db01',
      candidate: 'db02',
      waitMs: 30_000,
    });
    const postgres =
      '{manager: postgresql, unit: pg.service, dataDirectory: /data, user: tm, peer: "${peer.name}.lan"}';
    expect(call(postgres)?.args).toMatchObject({ manager: 'postgresql', peer: 'db02.lan', systemUser: 'postgres' });
  });

  it.each([
    ['another manager', '{manager: mysql}', /manager/],
    ['what a manager does not take', '{manager: patroni, command: [/bin/a]}', /"?command"?/],
    ['nothing of what it needs', '{manager: postgresql}', /unit|dataDirectory/],
    ['an unknown placeholder', '{manager: patroni, candidate: "${peer.address}"}', /peer\.address/],
  ])('is refused with %s', (_what, settings, words) => {
    expect(errorsOf({ clusters: clusters(settings), steps }).join('\n')).toMatch(words);
  });
});

describe('something that a person does', () => {
  it('halts the host until it is signed off, whatever the policy says of failures', () => {
    const [job] = jobsOf(
      '[{id: lamp, uses: manual/task, retries: {max: 3}, onFailure: continue, ' +
        'with: {instructions: "look at ${host.name}", who: ada, expected: 1h}}]',
    );
    expect(job).toMatchObject({
      call: { kind: 'manual/task', args: { instructions: 'look at web01', who: 'ada', evidence: null } },
      ...{ undo: null, onFailure: 'hold', retries: { max: 0 }, expectedMs: 3_600_000 },
    });
  });

  it('may not speak of what is not known', () => {
    expect(errors('[{id: a, uses: manual/task, with: {instructions: "${shell}", who: ada}}]').join()).toMatch(
      /"shell"/,
    );
  });
});

describe('a text for a shell', () => {
  it('is left as it is written: nothing is filled in', () => {
    const script = 'echo "${host.name}"';
    const [job] = jobsOf(`[{id: sh, uses: command/shell, with: {script: '${script}'}}]`);
    expect(job?.call).toEqual({ kind: 'command/shell', args: { script, expectStatus: [0] } });
  });
});
