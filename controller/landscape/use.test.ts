import { describe, expect, it } from 'vitest';
import { ansibleList, hostsCsv } from './export.ts';
import { impactOf } from './impact.ts';
import { standingsOf } from './standing.ts';
import { type SeenHost, suggestDependencies } from './suggest.ts';
import { landscapeOf } from './testing/said.ts';

const HOSTS = ['web01', 'app01', 'db01', 'db02', 'bi01'].map(name => ({
  name,
  application: name === 'bi01' ? 'reports' : 'orders',
}));
const shop = (more: Parameters<typeof landscapeOf>[0] = {}) =>
  landscapeOf({
    hosts: HOSTS,
    components: [
      {
        name: 'web',
        host: 'web01',
        kind: 'web',
        uses: ['app@app01'],
        service: { provider: 'systemd', units: ['nginx.service'] },
      },
      { name: 'app', host: 'app01', kind: 'app', uses: ['db@db01', 'db@db02'], product: 'shop' },
      { name: 'db', host: 'db01', kind: 'database', product: 'postgres', package: 'postgresql-16' },
      { name: 'db', host: 'db02', kind: 'database', product: 'postgres' },
      { name: 'warehouse', host: 'bi01', kind: 'report', uses: ['app@app01'] },
    ],
    clusters: [{ name: 'ordersdb', members: ['db01', 'db02'] }],
    applications: [{ name: 'orders', owner: 'Ada', serviceLevel: { availability: 99.9, penaltyClass: 'gold' } }],
    ...more,
  });

describe('what stands still with a component', () => {
  it('is what needs it, and what needs that, with whom it was promised to', () => {
    const { affected, applications } = impactOf(shop(), [{ host: 'app01', name: 'app' }]);
    expect(affected.map(({ component, distance, coveredBy }) => [component, distance, coveredBy])).toEqual([
      ['warehouse', 1, null],
      ['web', 1, null],
    ]);
    expect(applications).toEqual([
      { name: 'orders', owner: 'Ada', availability: 99.9, penaltyClass: 'gold' },
      { name: 'reports', owner: null, availability: null, penaltyClass: null },
    ]);
  });

  it('ends where other members of a cluster do the work', () => {
    expect(impactOf(shop(), [{ host: 'db01', name: 'db' }]).affected).toMatchObject([
      { component: 'app', coveredBy: 'ordersdb' },
    ]);
    const alone = impactOf(shop({ clusters: [] }), [{ host: 'db01', name: 'db' }]);
    expect(alone.affected.map(({ component, distance }) => [component, distance])).toEqual([
      ['app', 1],
      ['warehouse', 2],
      ['web', 2],
    ]);
  });

  it('is finite where components need each other', () => {
    const components = ['a', 'b'].map((name, index) => ({
      name,
      host: 'db01',
      kind: 'x',
      uses: [`${'ba'[index]}@db01`],
    }));
    const circle = landscapeOf({ hosts: HOSTS, components });
    expect(impactOf(circle, [{ host: 'db01', name: 'a' }]).affected).toHaveLength(1);
  });
});

describe('what is in force for a host', () => {
  const on = (
    host: string,
    contracts: object[],
    os: { id: string; version: string } | null = null,
    osSupport: object[] = [],
  ) =>
    standingsOf(shop({ contracts, osSupport }), () => os, [
      { os: 'debian', release: '12', ends: '2028-06-30', source: 'the maker' },
    ]).get(host);
  const contract = (more: object) => ({ kind: 'maintenance', ends: '2027-03-31', ...more });

  it.each<[string, object[], number | null]>([
    ['the product everywhere', [contract({ product: 'postgres' })], Date.parse('2027-04-01T00:00:00Z')],
    ['the product on this host', [contract({ product: 'postgres', host: 'db01' })], Date.parse('2027-04-01T00:00:00Z')],
    ['all of this host', [contract({ host: 'db01' })], Date.parse('2027-04-01T00:00:00Z')],
    ['the product on another host', [contract({ product: 'postgres', host: 'db02' })], null],
    ['another product', [contract({ product: 'shop' })], null],
    ['another thing', [contract({ kind: 'licence', product: 'postgres' })], null],
    [
      'two times: the longer one',
      [contract({ product: 'postgres' }), contract({ host: 'db01', ends: '2026-01-01' })],
      Date.parse('2027-04-01T00:00:00Z'),
    ],
  ])('by a contract for %s', (_, contracts, ends) => {
    const found = on('db01', contracts)?.find(({ kind }) => kind === 'maintenance');
    expect(found).toMatchObject({ about: 'postgres', ends });
  });

  it.each<[string, { id: string; version: string } | null, object[], string]>([
    ['its maker', { id: 'debian', version: '12.9' }, [], 'debian 12 is supported until 2028-06-30 (the maker)'],
    [
      'what the landscape says',
      { id: 'debian', version: '12.9' },
      [{ os: 'debian', release: '12', ends: '2031-01-01' }],
      'supported until 2031-01-01 (imported)',
    ],
    [
      'what it says of the very release',
      { id: 'debian', version: '12.9' },
      [{ os: 'debian', release: '12.9', ends: '2020-01-01' }],
      'debian 12.9 is supported until 2020-01-01',
    ],
    ['nobody', { id: 'plan9', version: '4' }, [], 'is not known'],
    ['nobody who knows what it is', null, [], 'has not said which system'],
  ])('its system by %s', (_, os, osSupport, text) => {
    expect(on('db01', [], os, osSupport)?.at(-1)?.text).toContain(text);
  });
});

describe('suggestions', () => {
  const seen: SeenHost[] = [
    {
      host: 'web01',
      addresses: ['10.0.0.1', '172.17.0.1'],
      sockets: [],
      peers: [
        { address: '10.0.0.3', port: 5432, process: 'nginx', unit: 'nginx.service' },
        { address: '10.0.0.2', port: 8080, process: 'nginx', unit: 'nginx.service' },
        { address: '172.17.0.1', port: 9000, process: 'x', unit: '' },
        { address: '10.0.0.3', port: 22, process: 'ssh', unit: '' },
        { address: '192.0.2.1', port: 443, process: 'curl', unit: '' },
      ],
    },
    {
      host: 'app01',
      addresses: ['10.0.0.2', '172.17.0.1'],
      sockets: [{ protocol: 'tcp', port: 8080, process: 'app', unit: '' }],
      peers: [],
    },
    {
      host: 'db01',
      addresses: ['10.0.0.3'],
      sockets: [{ protocol: 'tcp', port: 5432, process: 'postgres', unit: 'postgresql-16.service' }],
      peers: [{ address: '10.0.0.1', port: 80, process: 'backup', unit: '' }],
    },
    {
      host: 'stranger',
      addresses: ['10.0.0.9'],
      sockets: [],
      peers: [{ address: '10.0.0.3', port: 5432, process: 'x', unit: '' }],
    },
  ];

  it('are connections between hosts of the landscape that no dependency says, with the components behind them', () => {
    expect(
      suggestDependencies(shop(), seen).map(({ message, from, to }) => [from.component, to.component, message]),
    ).toEqual([
      [null, null, 'backup on db01 talks to web01:80 (nobody known), which the landscape does not know'],
      ['web', 'db', 'web on web01 talks to db01:5432 (db), which the landscape does not know'],
    ]);
  });

  it('have the same id for the same connection', () => {
    const ids = suggestDependencies(shop(), seen).map(({ id }) => id);
    expect(suggestDependencies(shop(), [...seen].reverse()).map(({ id }) => id)).toEqual(ids);
    expect(new Set(ids).size).toBe(2);
  });
});

describe('exports', () => {
  it('are what Ansible takes from --list: groups with hosts, and variables of all hosts', () => {
    const list = ansibleList(
      landscapeOf({
        hosts: [
          {
            name: 'db01',
            application: 'orders',
            environment: 'prod',
            tags: ['eu-1 b'],
            addresses: ['10.0.0.3'],
            attributes: { rack: 7 },
          },
          { name: 'bare' },
        ],
        components: [{ name: 'db', host: 'db01', kind: 'database', tier: 'db' }],
        clusters: [{ name: 'ordersdb', members: ['db01'] }],
      }),
    );
    expect(list).toEqual({
      _meta: {
        hostvars: {
          bare: { tidemark: { application: null, environment: null, tags: [], attributes: {}, components: [] } },
          db01: {
            ansible_host: '10.0.0.3',
            tidemark: {
              application: 'orders',
              environment: 'prod',
              tags: ['eu-1 b'],
              attributes: { rack: 7 },
              components: ['db'],
            },
          },
        },
      },
      all: { children: ['app_orders', 'cluster_ordersdb', 'env_prod', 'tag_eu_1_b', 'tier_db', 'ungrouped'] },
      ...Object.fromEntries(
        ['app_orders', 'cluster_ordersdb', 'env_prod', 'tag_eu_1_b', 'tier_db'].map(name => [
          name,
          { hosts: ['db01'] },
        ]),
      ),
      ungrouped: { hosts: ['bare'] },
    });
  });

  it.each(['=cmd|"/c calc"!A1', '+1', '-1', '@SUM(A1)'])(
    'hold no formula for who opens them in a spreadsheet: %s',
    formula => {
      const csv = hostsCsv(landscapeOf({ hosts: [{ name: 'db01', tags: [formula] }] }));
      const cells = csv.split('\r\n')[1]?.split(',');
      expect(cells?.[3]).toMatch(/^"?'/);
      expect(cells?.[3]?.replaceAll('""', '"')).toContain(formula);
    },
  );
});
