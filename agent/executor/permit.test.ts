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
    ['putting back another path', { kind: 'snapshot/revert', args: { name: 'n', paths: ['/etc'], whenWritten: 'ask' } }, /path \/etc/],
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
