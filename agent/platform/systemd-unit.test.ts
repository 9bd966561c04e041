import { describe, expect, it } from 'vitest';
import { parseCgroupFile, processesOf, unitOfControlGroup } from './systemd-cgroup.ts';
import { conditionOf, describeProcesses, describeUnit, parseUnit, spanMs } from './systemd-unit.ts';

/* As systemctl 252 printed it on Debian 12, in the order in which it prints. */
const said = (changes: Record<string, string> = {}) =>
  Object.entries({
    Type: 'simple',
    TimeoutStopUSec: '1min 30s',
    Result: 'success',
    NRestarts: '0',
    ExecMainCode: '0',
    ExecMainStatus: '0',
    ControlGroup: '/system.slice/orders.service',
    Id: 'orders.service',
    TriggeredBy: '',
    LoadState: 'loaded',
    ActiveState: 'active',
    SubState: 'running',
    CanReload: 'no',
    Job: '',
    ConditionResult: 'yes',
    InvocationID: '439befe91e3b412dbd2f55b2f3bd32b3',
    ...changes,
  })
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
const unit = (changes: Record<string, string> = {}) => parseUnit('orders.service', said(changes));
const LEFT = [{ pid: 12, name: 'orders' }];

it.each([
  ['1min 30s', 90_000],
  ['12s', 12_000],
  ['250ms', 250],
  ['1h 5min', 3_900_000],
  ['1.5s', 1_500],
  ['infinity', null],
  ['', null],
  ['soon', null],
])('a span of "%s" has %s ms', (text, expected) => {
  expect(spanMs(text)).toBe(expected);
});

describe('a unit', () => {
  it.each([
    [{ ActiveState: 'active', SubState: 'running' }, 0, 'up'],
    [{ ActiveState: 'active', SubState: 'exited', Type: 'oneshot' }, 0, 'up'],
    [{ ActiveState: 'reloading', SubState: 'reload' }, 1, 'up'],
    [{ ActiveState: 'inactive', SubState: 'dead' }, 0, 'down'],
    [{ ActiveState: 'failed', SubState: 'failed' }, 0, 'down'],
    [{ ActiveState: 'inactive', SubState: 'dead' }, 1, 'neither'],
    [{ ActiveState: 'failed', SubState: 'failed' }, 1, 'neither'],
    [{ ActiveState: 'activating', SubState: 'start' }, 1, 'neither'],
    [{ ActiveState: 'activating', SubState: 'auto-restart' }, 0, 'neither'],
    [{ ActiveState: 'deactivating', SubState: 'stop-sigterm' }, 1, 'neither'],
    [{ LoadState: 'not-found', ActiveState: 'inactive', SubState: 'dead' }, 0, 'neither'],
    [{ LoadState: 'bad-setting', ActiveState: 'inactive', SubState: 'dead' }, 0, 'neither'],
    [{ LoadState: 'masked', ActiveState: 'active', SubState: 'running', Type: '' }, 1, 'up'],
    [{ LoadState: 'masked', ActiveState: 'inactive', SubState: 'dead', Type: '' }, 0, 'down'],
  ])('that is %j with %i processes is %s', (changes, count, is) => {
    expect(conditionOf(unit(changes), LEFT.slice(0, count)).is).toBe(is);
  });

  it('says in which state it is, and how it ended where it failed', () => {
    expect(describeUnit(unit())).toBe('orders.service is active (running)');
    const failed = {
      ActiveState: 'failed',
      SubState: 'failed',
      Result: 'exit-code',
      ExecMainCode: '1',
      ExecMainStatus: '7',
    };
    expect(describeUnit(unit(failed))).toBe('orders.service is failed (exit-code), exit status 7');
    // CLD_KILLED: the number is a signal's.
    const killed = { ...failed, Result: 'signal', ExecMainCode: '2', ExecMainStatus: '9' };
    expect(describeUnit(unit(killed))).toBe('orders.service is failed (signal)');
  });

  it('names what is left of it', () => {
    const condition = conditionOf(unit({ ActiveState: 'inactive', SubState: 'dead' }), LEFT);
    expect(condition).toEqual({
      is: 'neither',
      why: 'orders.service is inactive (dead), but process 12 (orders) of it is left',
    });
    const many = Array.from({ length: 6 }, (_, index) => ({ pid: index, name: 'x' }));
    expect(describeProcesses(many)).toBe('processes 0 (x), 1 (x), 2 (x), 3 (x) and 2 more');
  });

  it('has a job only while one is queued or runs', () => {
    expect([unit().job, unit({ Job: '0' }).job, unit({ Job: '412' }).job]).toEqual([false, false, true]);
  });
});

describe('control groups', () => {
  it.each([
    ['0::/system.slice/nginx.service\n', '/system.slice/nginx.service'],
    ['4:memory:/other\n1:name=systemd:/system.slice/nginx.service\n0::/\n', '/system.slice/nginx.service'],
    ['0::/system.slice/odd:name.service\n', '/system.slice/odd:name.service'],
    ['4:memory:/other\n', null],
    ['', null],
  ])('are read from %j', (text, group) => {
    expect(parseCgroupFile(text)).toBe(group);
  });

  it.each([
    ['/system.slice/nginx.service', 'nginx.service'],
    ['/system.slice/nginx.service/worker', 'nginx.service'],
    ['/user.slice/user-0.slice/user@0.service/app.slice/x.service', 'user@0.service'],
    ['/init.scope', 'init.scope'],
    ['/', null],
  ])('%s belongs to %s', (group, unitName) => {
    expect(unitOfControlGroup(group)).toBe(unitName);
  });

  it.each(['/', '', '/../..', '/no/such/group.service'])('%j has no processes that could be ended', group => {
    expect(processesOf(group)).toEqual([]);
  });
});
