import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeLandscape } from './merge.ts';
import type { Contribution } from './records.ts';
import { said } from './testing/said.ts';

const names = (...contributions: Contribution[]) => mergeLandscape(contributions).content.hosts.map(({ name }) => name);
const host = (name: string, more: object = {}) => ({ name, ...more });
const hosts = (source: string, ...list: object[]) => said(source, { hosts: list });
const kinds = (...contributions: Contribution[]) =>
  mergeLandscape(contributions).conflicts.map(({ kind, subject }) => `${kind} ${subject}`);

describe('records of two sources', () => {
  it.each<[string, object, object, string]>([
    [
      'the same id',
      host('db01', { ids: { serial: 'S1' } }),
      host('oracle-prod', { ids: { serial: 'S1' } }),
      'both have the id serial S1',
    ],
    ['the same name', host('db01'), host('db01'), 'same name'],
    ['the same name in capitals', host('db01'), host('DB01'), 'same name'],
    ['the same name, one with a domain', host('db01'), host('db01.example.com'), 'same name but for its domain'],
    [
      'the same address',
      host('db01', { addresses: ['10.0.0.5'] }),
      host('pg', { addresses: ['10.0.0.5'] }),
      'both have the address 10.0.0.5',
    ],
  ])('are one host by %s, and the reason is told', (_, one, other, reason) => {
    const merged = mergeLandscape([hosts('a', one), hosts('b', other)]);
    expect(merged.conflicts).toEqual([]);
    expect(merged.content.hosts.map(({ name }) => name)).toEqual(['db01']);
    expect(merged.matches).toEqual([{ host: 'db01', source: 'b', name: (other as { name: string }).name, reason }]);
  });

  it.each<[string, object[], object[], string[]]>([
    ['names with different domains', [host('db01.a.com')], [host('db01.b.com')], []],
    ['different names', [host('db01')], [host('db02')], []],
  ])('are two hosts with %s', (_, one, other, conflicts) => {
    expect(names(hosts('a', ...one), hosts('b', ...other))).toHaveLength(2);
    expect(kinds(hosts('a', ...one), hosts('b', ...other))).toEqual(conflicts);
  });

  it.each<[string, Contribution[], string]>([
    ['one source has two that differ', [hosts('a', host('db01', { tags: ['x'] }), host('DB01'))], 'two-records DB01'],
    [
      'the name is the same and the id another',
      [hosts('a', host('db01', { ids: { netbox: '1' } })), hosts('b', host('db01', { ids: { netbox: '2' } }))],
      'two-records db01',
    ],
    [
      'the id says one host and the name another',
      [
        hosts('a', host('db01', { ids: { netbox: '1' } }), host('db02')),
        hosts('b', host('db02', { ids: { netbox: '1' } })),
      ],
      'two-records db02',
    ],
    [
      'the address is that of two',
      [
        hosts('a', host('db01', { addresses: ['10.0.0.5'] }), host('db02', { addresses: ['10.0.0.5'] })),
        hosts('b', host('pg', { addresses: ['10.0.0.5'] })),
      ],
      'two-records pg',
    ],
    [
      'the short name is that of two',
      [hosts('a', host('db01.a.com'), host('db01.b.com')), hosts('b', host('db01'))],
      'two-records db01',
    ],
    [
      'they contradict each other',
      [hosts('a', host('db01', { environment: 'prod' })), hosts('b', host('db01', { environment: 'test' }))],
      'contradiction db01',
    ],
    [
      'attributes contradict each other',
      [hosts('a', host('db01', { attributes: { r: 1 } })), hosts('b', host('db01', { attributes: { r: 2 } }))],
      'contradiction db01',
    ],
  ])('are a conflict where %s, and none of it is taken', (_, contributions, conflict) => {
    expect(kinds(...contributions)).toEqual([conflict]);
    const doubted = conflict.split(' ')[1] as string;
    expect(names(...contributions).map(name => name.toLowerCase())).not.toContain(doubted.toLowerCase());
  });

  it('add to each other, and of contradictions the source with priority counts', () => {
    const low = said('a', { hosts: [host('db01', { environment: 'test', tags: ['x'], attributes: { r: 1, s: 2 } })] });
    const high = said(
      'b',
      { hosts: [host('db01', { environment: 'prod', application: 'orders', tags: ['y'], attributes: { r: 9 } })] },
      5,
    );
    const { content, conflicts } = mergeLandscape([low, high]);
    expect(conflicts).toEqual([]);
    expect(content.hosts).toEqual([
      { name: 'db01', environment: 'prod', application: 'orders', tags: ['x', 'y'], attributes: { r: 9, s: 2 } },
    ]);
  });

  it('are the same in whatever order sources and rows come', () => {
    const one = [host('db01', { ids: { serial: '1' } }), host('web01'), host('web02', { addresses: ['10.0.0.9'] })];
    const other = [
      host('DB01', { tags: ['x'] }),
      host('web01.example.com'),
      host('frontend', { addresses: ['10.0.0.9'] }),
    ];
    const expected = mergeLandscape([hosts('a', ...one), hosts('b', ...other)]);
    expect(expected.content.hosts).toHaveLength(3);
    fc.assert(
      fc.property(
        fc.shuffledSubarray(one, { minLength: 3 }),
        fc.shuffledSubarray(other, { minLength: 3 }),
        fc.boolean(),
        (a, b, swap) => {
          const list = [hosts('a', ...a), hosts('b', ...b)];
          expect(mergeLandscape(swap ? list.reverse() : list).content).toEqual(expected.content);
        },
      ),
    );
  });
});

describe('components and clusters', () => {
  const db = { name: 'orders-db', host: 'db01', kind: 'database' };
  it.each<[string, Contribution[], string[]]>([
    [
      'a component on a host that nobody knows',
      [said('a', { hosts: [host('db01')], components: [{ ...db, host: 'db09' }] })],
      ['unknown-host orders-db@db09'],
    ],
    [
      'a component twice',
      [said('a', { hosts: [host('db01')], components: [db, { ...db, kind: 'cache' }] })],
      ['two-records orders-db@db01'],
    ],
    [
      'a component that is two things',
      [said('a', { hosts: [host('db01')], components: [db] }), said('b', { components: [{ ...db, kind: 'cache' }] })],
      ['contradiction orders-db@db01'],
    ],
    [
      'a cluster of a host that nobody knows',
      [said('a', { hosts: [host('db01')], clusters: [{ name: 'c', members: ['db01', 'db09'] }] })],
      ['unknown-host c'],
    ],
    [
      'a host in two clusters',
      [
        said('a', { hosts: [host('db01'), host('db02')], clusters: [{ name: 'c', members: ['db01'] }] }),
        said('b', { clusters: [{ name: 'd', members: ['DB01', 'db02'] }] }),
      ],
      ['two-clusters db01'],
    ],
    [
      'a cluster with other members',
      [
        said('a', { hosts: [host('db01'), host('db02')], clusters: [{ name: 'c', members: ['db01'] }] }),
        said('b', { clusters: [{ name: 'c', members: ['db02'] }] }),
      ],
      ['contradiction c'],
    ],
    [
      'a dependency on what is not there',
      [said('a', { hosts: [host('db01')], components: [{ ...db, uses: ['cache@db01'] }] })],
      ['unknown-component orders-db@db01'],
    ],
    [
      'a contract for a host that nobody knows',
      [said('a', { hosts: [host('db01')], contracts: [{ kind: 'licence', host: 'db09', ends: '2027-01-01' }] })],
      ['unknown-host db09'],
    ],
  ])('are in conflict with %s', (_, contributions, expected) => expect(kinds(...contributions)).toEqual(expected));

  it('find their host by any of its names', () => {
    const { content, conflicts } = mergeLandscape([
      hosts('a', host('db01')),
      said('b', {
        hosts: [host('DB01.example.com')],
        components: [{ ...db, host: 'db01.EXAMPLE.com' }],
        clusters: [{ name: 'c', members: ['DB01'] }],
      }),
    ]);
    expect(conflicts).toEqual([]);
    expect(content).toMatchObject({ components: [{ host: 'db01' }], clusters: [{ members: ['db01'] }] });
  });

  it('that are in conflict take nothing with them that is not', () => {
    const merged = mergeLandscape([
      said('a', {
        hosts: [host('db01'), host('db02'), host('web01')],
        clusters: [
          { name: 'c', members: ['db01', 'db02'] },
          { name: 'd', members: ['db01'] },
        ],
        components: [db, { ...db, host: 'db02' }],
      }),
    ]);
    expect(merged.conflicts.map(({ kind }) => kind)).toEqual(['two-clusters', 'unknown-host']);
    expect(merged.content).toMatchObject({
      hosts: [{ name: 'db02' }, { name: 'web01' }],
      components: [{ host: 'db02' }],
      clusters: [{ name: 'c', members: ['db02'] }],
    });
  });
});

describe('dependencies', () => {
  const component = (name: string, tier: string | null, ...uses: string[]) => ({
    name,
    host: 'h',
    kind: 'x',
    tier,
    uses,
    application: 'shop',
  });
  const tiersIn = (...components: object[]) =>
    mergeLandscape([said('a', { tiers: ['web', 'app', 'db'], hosts: [host('h')], components })]);

  it('give a component the only tier that lies between those that use it and those it uses', () => {
    const { content, conflicts } = tiersIn(
      component('web', 'web', 'api@h'),
      component('api', null, 'db@h'),
      component('db', 'db'),
    );
    expect(conflicts).toEqual([]);
    expect(content.components.map(({ name, tier }) => [name, tier])).toEqual([
      ['api', 'app'],
      ['db', 'db'],
      ['web', 'web'],
    ]);
  });

  it('leave a component without a tier where there is a choice', () => {
    const { content } = tiersIn(component('api', null, 'db@h'), component('db', 'db'));
    expect(content.components[0]).toMatchObject({ name: 'api', tier: null });
  });

  it('are a conflict where the tiers stop what is used first', () => {
    expect(tiersIn(component('db', 'db', 'web@h'), component('web', 'web')).conflicts).toMatchObject([
      { kind: 'tier-order', subject: 'db@h', message: expect.stringContaining('which stops before it') },
    ]);
  });
});
