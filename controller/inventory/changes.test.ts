import { packagesSection } from '@tidemark/shared/testing/packages.ts';
import { describe, expect, it } from 'vitest';
import { changesSince } from './changes.ts';
import type { SectionPeriod } from './facts.ts';

const DIGEST = `sha256:${'0'.repeat(64)}` as const;
const period = (kind: string, content: unknown, since: number, until: number | null = null): SectionPeriod => ({
  ...{ kind, content, since, until, digest: DIGEST },
});
const told = (periods: SectionPeriod[], since = 100) =>
  changesSince([period('os', {}, 0), ...periods], since).map(
    ({ at, kind, subject, from, to }) => `${at} ${kind} ${subject}: ${from} -> ${to}`,
  );
const went = (kind: string, before: unknown, after: unknown) =>
  told([period(kind, before, 0, 200), period(kind, after, 200)]);

describe('what changed on a host', () => {
  it('are packages that came, went, changed their version, or were held', () => {
    const before = packagesSection('apt', { bash: '5.2-1', openssl: '3.0.14-1', zsh: '5', 'libc6:i386': '2.36' });
    const after = packagesSection(
      'apt',
      { bash: '5.2-1', curl: '7', openssl: '3.0.15-1', 'libc6:i386': '2.37' },
      { held: ['bash'] },
    );
    expect(went('packages', before, after)).toEqual([
      '200 packages bash: held - -> held yes',
      '200 packages curl: null -> 7',
      '200 packages libc6:i386: 2.36 -> 2.37',
      '200 packages openssl: 3.0.14-1 -> 3.0.15-1',
      '200 packages zsh: 5 -> null',
    ]);
  });

  it.each<[string, unknown, unknown, string]>([
    [
      'services',
      { 'x.service': { active: 'active', sub: 'running', enabled: 'enabled' } },
      { 'x.service': { active: 'failed', sub: 'failed', enabled: 'enabled' } },
      'x.service: active active, sub running -> active failed, sub failed',
    ],
    ['failedUnits', [], ['x.service'], 'x.service: null -> there'],
    ['bootId', 'a', 'b', ': a -> b'],
    ['pg', { role: 'standby', lag: 1 }, { role: 'primary', lag: 1 }, 'role: standby -> primary'],
    [
      'sockets',
      [],
      [
        {
          protocol: 'tcp',
          address: '0.0.0.0',
          port: 80,
          process: 'nginx',
          program: '/usr/sbin/nginx',
          unit: 'nginx.service',
        },
      ],
      'tcp 0.0.0.0:80: null -> process nginx, program /usr/sbin/nginx',
    ],
    ['kernel', { running: '6.1', newest: '6.1' }, { running: '6.1', newest: '6.2' }, 'newest: 6.1 -> 6.2'],
  ])('of %s are said by name', (kind, before, after, line) => {
    expect(went(kind, before, after)).toEqual([`200 ${kind} ${line}`]);
  });

  it('are all that came one after the other, and not what was so before', () => {
    const role = (value: string, since: number, until: number | null) => period('pg', { role: value }, since, until);
    const all = [role('a', 0, 50), role('b', 50, 150), role('a', 150, 300), role('b', 300, null)];
    expect(told(all)).toEqual(['150 pg role: b -> a', '300 pg role: a -> b']);
    expect(told(all, 150)).toEqual(['300 pg role: a -> b']);
  });

  it('are kinds that come and go as a whole', () => {
    expect(told([period('pg', { role: 'a' }, 0, 200)])).toEqual(['200 pg : told -> null']);
    expect(told([period('pg', { role: 'a' }, 200)])).toEqual(['200 pg : null -> told for the first time']);
    expect(told([period('pg', 1, 0, 150), period('pg', 1, 250)])).toEqual([
      '150 pg : told -> null',
      '250 pg : null -> told for the first time',
    ]);
  });

  it('are not what a host told when it was looked at for the first time, and not the agent’s own keys', () => {
    expect(changesSince([period('os', { id: 'debian' }, 500)], 100)).toEqual([]);
    expect(changesSince([], 100)).toEqual([]);
    expect(went('sealingKey', 'a', 'b')).toEqual([]);
  });

  it('are no more than was told, whatever a host calls its things', () => {
    expect(went('probe', { ['__proto__']: 1 }, JSON.parse('{"__proto__": 2}'))).toEqual([
      '200 probe __proto__: 1 -> 2',
    ]);
    const long = 'x'.repeat(10_000);
    for (const line of went('probe', { a: long }, { a: `${long}y` })) expect(line.length).toBeLessThan(1_000);
  });
});
