import { auditProfile } from '@tidemark/shared/fingerprint/profile.ts';
import type { Call } from '@tidemark/shared/orders/step-kinds.ts';
import { describe, expect, it } from 'vitest';
import { forbidden, type HostPolicy } from './permit.ts';
import { command, jobOf, orderOf } from './testing.fixture.ts';

const policy: HostPolicy = {
  kinds: ['check/*', 'service/stop', 'archive/install', 'archive/activate', 'snapshot/*', 'command/run'],
  programs: ['/opt/*/bin/*'],
  paths: ['/opt/**'],
};
const service = (program: string): Call => ({
  kind: 'service/stop',
  args: {
    component: 'c',
    service: { provider: 'script', start: ['/opt/a/bin/c'], stop: ['/opt/a/bin/c'], status: [program] },
    waitMs: 0,
  },
});
const install = (home: string): Call => ({ kind: 'archive/activate', args: { product: 'p', version: '1', home } });

describe('a server that permits some units', () => {
  const only: HostPolicy = { kinds: ['*'], programs: [], paths: [], units: ['orders-*.service', 'cron.service'] };
  const units = (...names: string[]): Call => ({
    kind: 'service/restart',
    args: { component: 'c', service: { provider: 'systemd', units: names }, waitMs: 0 },
  });
  const script = (name: string): Call => ({
    kind: 'service/status',
    args: { component: 'c', service: { provider: 'sysv', name }, expect: null },
  });
  const mask = (unit: string): Call => ({
    kind: 'service/mask',
    args: { component: 'c', service: { provider: 'systemd', units: [unit] } },
  });
  it.each<[string, Call, string | null]>([
    ['those that it names', units('orders-web.service', 'cron.service'), null],
    ['one beside those', units('orders-web.service', 'sshd.service'), 'sshd.service'],
    ['an init script by its name', script('cron'), null],
    ['another init script', script('ssh'), 'ssh.service'],
    ['a mask of another', mask('sshd.service'), 'sshd.service'],
  ])('%s', (_what, call, unit) => {
    const why = forbidden(orderOf([jobOf('a', call)]), only);
    expect(why).toBe(unit && `job a: the unit ${unit} is not among the units that this server's policy permits`);
    const { units: _, ...all } = only;
    expect(forbidden(orderOf([jobOf('a', call)]), all)).toBeNull();
  });
});

it('no order holds an audit, whatever a server permits', () => {
  const profile = auditProfile(['/opt'], Buffer.alloc(32, 1));
  const order = orderOf([jobOf('a', { kind: 'scan/run', args: { profile } })]);
  expect(forbidden(order, { kinds: ['*'], programs: [], paths: [] })).toMatch(/asked for by itself, not as a job/);
});

describe('a server that permits some things', () => {
  it.each<[string, Call, RegExp | null]>([
    ['a kind in a permitted area', { kind: 'check/disk', args: { needs: [{ path: '/', bytes: 1 }] } }, null],
    ['a kind that is not permitted', { kind: 'scan/run', args: { profile: {} as never } }, /kind scan\/run/],
    ['a permitted program', command('/opt/a/bin/run'), null],
    ['another program', command('/bin/sh'), /program \/bin\/sh/],
    ['a program deeper than the glob', command('/opt/a/bin/x/sh'), /program/],
    ['a program written with doubled slashes', command('/opt//a/./bin/run'), null],
    ['a service all of whose programs are permitted', service('/opt/a/bin/probe'), null],
    ['a service with one program that is not', service('/bin/true'), /program \/bin\/true/],
    ['a permitted home', install('/opt/shop'), null],
    ['another home', install('/usr/lib'), /path \/usr\/lib/],
    [
      'a backup into a repository elsewhere',
      {
        kind: 'snapshot/create',
        args: { method: 'restic', name: 'n', paths: ['/opt/a'], repository: '/mnt/r', passwordFile: '/opt/p' },
      },
      /path \/mnt\/r/,
    ],
    [
      'putting back another path',
      { kind: 'snapshot/revert', args: { name: 'n', paths: ['/etc'], whenWritten: 'ask' } },
      /path \/etc/,
    ],
    [
      'a check by another program',
      { kind: 'check/command', args: { command: ['/bin/sh'], expectStatus: [0], expectText: null, withinMs: 0 } },
      /program \/bin\/sh/,
    ],
    [
      'a backup of another path',
      { kind: 'snapshot/create', args: { method: 'copy', name: 'n', paths: ['/opt/a', '/etc'] } },
      /path \/etc/,
    ],
  ])('%s', (_what, call, words) => {
    const why = forbidden(orderOf([jobOf('a', call)]), policy);
    if (words) expect(why).toMatch(words);
    else expect(why).toBeNull();
    // What is hidden in an undo is no less done.
    const hidden = forbidden(orderOf([jobOf('a', command('/opt/a/bin/run'), { undo: call })]), policy);
    expect(hidden === null).toBe(words === null);
  });
});

describe('a server that permits some packages', () => {
  const only: HostPolicy = { kinds: ['*'], programs: [], paths: [], packages: ['nginx*', 'g++'] };
  const exact = (name: string) => ({ name, version: '1.0', architecture: null, sha256: null });
  const upgrade = (others: 'refuse' | 'allow', ...names: string[]): Call => ({
    kind: 'package/upgrade',
    args: { packages: names.map(exact), conffiles: 'keep', others, lockWaitMs: 0 },
  });

  it.each<[string, Call, RegExp | null]>([
    ['takes those that it names', upgrade('refuse', 'nginx-light', 'g++'), null],
    ['refuses one beside those', upgrade('refuse', 'nginx', 'sudo'), /the package sudo is not among/],
    ['refuses what may change any other', upgrade('allow', 'nginx'), /lets packages change that it does not list/],
    ['refuses to hold another', { kind: 'package/hold', args: { names: ['sudo'] } }, /the package sudo/],
    [
      'refuses to remove another',
      { kind: 'package/remove', args: { names: ['sudo'], others: 'refuse', lockWaitMs: 0 } },
      /the package sudo/,
    ],
    ['lets its lists be refreshed', { kind: 'package/refresh', args: { lockWaitMs: 0 } }, null],
  ])('%s', (_what, call, words) => {
    const why = forbidden(orderOf([jobOf('a', call)]), only);
    if (words) expect(why).toMatch(words);
    else expect(why).toBeNull();
    const { packages: _, ...all } = only;
    expect(forbidden(orderOf([jobOf('a', call)]), all)).toBeNull();
  });
});

describe('any server', () => {
  const everything: HostPolicy = { kinds: ['*'], programs: ['/**'], paths: ['/**'] };

  it.each(['tidemark-agent.service', 'tidemark-agent'])('keeps its agent, also called %s', unit => {
    const stop: Call = {
      kind: 'service/stop',
      args: { component: 'c', service: { provider: 'systemd', units: ['a.service', unit] }, waitMs: 0 },
    };
    expect(forbidden(orderOf([jobOf('a', stop)]), everything)).toMatch(/the agent itself/);
  });
});

describe('a list of checks', () => {
  const list: Call = {
    kind: 'check/all',
    args: {
      checks: [
        { kind: 'check/clock', args: { maxOffsetMs: 1 } },
        { kind: 'check/command', args: { command: ['/bin/probe'], expectStatus: [0], expectText: null, withinMs: 0 } },
      ],
    },
  };
  const why = (part: Partial<HostPolicy>) =>
    forbidden(orderOf([jobOf('a', list)]), { kinds: ['*'], programs: ['/bin/*'], paths: [], ...part });

  it('is permitted where each of them is', () => {
    expect(why({})).toBeNull();
    expect(why({ kinds: ['check/all', 'check/clock', 'check/command'] })).toBeNull();
  });

  it('is not permitted for the sake of its own kind alone', () => {
    expect(why({ kinds: ['check/all', 'check/clock'] })).toMatch(/steps of kind check\/command are not among/);
  });

  it('runs only programs that are permitted', () => {
    expect(why({ programs: ['/opt/**'] })).toMatch(/the program \/bin\/probe is not among/);
  });
});

describe('a server that does not say what checks may reach', () => {
  const self = { names: ['localhost', 'web01'], addresses: ['10.1.1.5', 'fd00::5'] };
  const tcp = (host: string): Call => ({ kind: 'check/tcp', args: { host, port: 80, withinMs: 0 } });
  const http = (url: string): Call => ({
    kind: 'check/http',
    args: { url, expectStatus: 200, expectText: null, withinMs: 0 },
  });
  const all = (call: Call): Call => ({ kind: 'check/all', args: { checks: [call as never] } });
  const why = (call: Call, targets?: string[]) =>
    forbidden(
      orderOf([jobOf('a', call)]),
      { kinds: ['*'], programs: [], paths: [], ...(targets ? { targets } : {}) },
      self,
    );

  it.each<[string, Call]>([
    ['the loopback address', tcp('127.0.0.1')],
    ['another loopback address', tcp('127.1.2.3')],
    ['the loopback address of IPv6', http('http://[::1]:8080/health')],
    ['its name', tcp('web01')],
    ['its name in capitals', http('http://WEB01/health')],
    ['an address of its own', http('https://10.1.1.5/')],
    ['itself in a list of checks', all(tcp('localhost'))],
  ])('lets them reach %s', (_what, call) => {
    expect(why(call)).toBeNull();
  });

  it.each<[string, Call, string]>([
    ['another server', tcp('db01.example.com'), 'db01.example.com'],
    ['an address', http('http://10.1.1.6/'), '10.1.1.6'],
    ['an address in a list of checks', all(tcp('10.1.1.6')), '10.1.1.6'],
    ['an address as one number', tcp('2130706433'), '2130706433'],
    ['an address that a URL writes as one number', http('http://167837958/'), '10.1.1.6'],
    ['credentials that look like a host', http('http://localhost@10.1.1.6/'), '10.1.1.6'],
  ])('refuses %s', (_what, call, target) => {
    expect(why(call)).toBe(`job a: ${target} is neither this server nor among the targets that its policy permits`);
  });

  it('lets them reach what it lists: names, globs, addresses, networks', () => {
    const targets = ['db01.example.com', '*.lb.example.com', '10.1.1.6', '10.2.0.0/16', 'fd00:1::/32'];
    for (const host of ['DB01.example.com', 'a.lb.example.com', '10.1.1.6', '10.2.3.4', 'fd00:1::7'])
      expect(why(tcp(host), targets), host).toBeNull();
    for (const host of ['db02.example.com', '10.1.1.7', '10.3.0.1', 'fd00:2::7', 'lb.example.com'])
      expect(why(tcp(host), targets), host).not.toBeNull();
  });

  it.each(['169.254.169.254', '100.100.100.200', '0.0.0.0', '224.0.0.1', 'fe80::1', '::ffff:169.254.169.254'])(
    'refuses %s, whatever it lists',
    host => {
      expect(why(tcp(host), ['0.0.0.0/0', '::/0', '*', host])).not.toBeNull();
    },
  );
});

describe('a shell', () => {
  const shell: Call = { kind: 'command/shell', args: { script: 'true', expectStatus: [0] } };
  const why = (...kinds: string[]) =>
    forbidden(orderOf([jobOf('a', shell)]), { kinds, programs: ['/**'], paths: ['/**'] });

  it('runs nothing where the policy permits all, or all commands', () => {
    for (const kinds of [['*'], ['command/*'], ['*', 'command/run']])
      expect(why(...kinds)).toContain('does not name command/shell');
  });

  it('runs text where the policy names it', () => {
    expect(why('command/shell')).toBeNull();
  });
});

describe('holds and clusters on a server that permits some units', () => {
  const why = (call: Call, ...units: string[]) =>
    forbidden(orderOf([jobOf('a', call)]), { kinds: ['*'], programs: [], paths: ['/etc/patroni/*'], units });
  const hold = (more: Partial<Extract<Call, { kind: 'batch/hold' }>['args']>): Call => ({
    kind: 'batch/hold',
    args: { hold: 'n', cron: false, at: false, timers: [], except: [], waitMs: 0, ...more },
  });
  const leave = (member: Extract<Call, { kind: 'cluster/leave' }>['args']['member']): Call => ({
    kind: 'cluster/leave',
    args: { cluster: 'c', member, waitMs: 0 },
  });
  const patroni = {
    manager: 'patroni',
    unit: 'patroni.service',
    configuration: '/etc/patroni/c.yml',
    member: 'a',
  } as const;

  it.each<[string, Call, string[], string[]]>([
    ['cron', hold({ cron: true }), ['crond.service'], ['atd.service']],
    ['at', hold({ at: true }), ['atd.service'], ['cron.service']],
    ['all timers', hold({ timers: 'all' }), ['*.timer'], ['apt-*.timer']],
    ['a timer', hold({ timers: ['apt-daily.timer'] }), ['apt-*.timer'], ['cron.service']],
    ['keepalived', leave({ manager: 'keepalived', addresses: [] }), ['keepalived.service'], ['cron.service']],
    ['patroni', leave(patroni), ['patroni.service'], ['postgresql.service']],
  ])('%s is among them or refused', (_what, call, permitted, others) => {
    expect(why(call, ...permitted)).toBeNull();
    expect(why(call, ...others)).toContain('not among the units');
  });

  it('a program of a cluster must be among the programs', () => {
    const argv: [string] = ['/bin/leave'];
    const call = leave({ manager: 'command', leave: argv, left: argv, join: argv, joined: argv });
    expect(why(call)).toContain('the program /bin/leave');
  });
});
