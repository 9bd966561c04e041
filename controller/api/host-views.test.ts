import { expect, it } from 'vitest';
import { createHostViews } from './host-views.ts';

const WEB01 = '11111111-1111-4111-8111-111111111111';

const views = createHostViews({
  landscape: {
    current: async () => ({
      ...{ version: 1, digest: 'd', importedBy: 'olga', importedAt: 5 },
      hosts: ['web01', 'db01'].map(name => ({
        ...{ name, application: 'orders', environment: 'prod', tags: ['x'], attributes: { rack: 7 } },
      })),
      components: [
        {
          name: 'orders-web',
          host: 'web01',
          application: 'orders',
          tier: 'web',
          kind: 'web',
          product: null,
          home: null,
        },
      ],
      clusters: [{ name: 'ordersdb', members: ['db01', 'db02'] }],
    }),
  },
  enrolment: {
    hosts: async () => [
      { hostId: WEB01, name: 'web01', state: 'enrolled', connected: true, agentVersion: '0.1.0', lastSeenMs: 9 },
      { hostId: 'x', name: 'old', state: 'banned', connected: false, agentVersion: null, lastSeenMs: null },
    ],
  },
  inventory: {
    latestOf: async id => (id === WEB01 ? { facts: { kernel: '6.1' }, observedAt: 8 } : null),
    inventoryOf: async id => (id === WEB01 ? { observedAt: 8, refused: ['pg: is no JSON'] } : null),
    changes: async (id, since) => ({
      changes: [{ at: since + 1, kind: 'packages', subject: id, from: '1', to: '2' }],
      truncated: false,
    }),
  },
  isFresh: at => at >= 9,
  now: () => 20,
});

it('says what changed on a host, and how old that is', async () => {
  expect(await views.changes('web01', 5)).toEqual({
    ...{ host: 'web01', since: 5, truncated: false, factsObservedAt: 8, factsAgeMs: 12, factsStale: true },
    changes: [{ at: 6, kind: 'packages', subject: WEB01, from: '1', to: '2' }],
  });
  expect(await views.changes('db01', 5)).toMatchObject({ changes: [], factsObservedAt: null, factsStale: false });
  expect(await views.changes('nobody', 5)).toBeNull();
});

it('lists hosts of the landscape and hosts that enrolled, each once, by name', async () => {
  expect((await views.list()).map(({ name, state, application }) => [name, state, application])).toEqual([
    ['db01', 'not-enrolled', 'orders'],
    ['old', 'banned', null],
    ['web01', 'enrolled', 'orders'],
  ]);
});

it('puts together what is known of one host', async () => {
  expect(await views.get('web01')).toMatchObject({
    ...{ id: WEB01, connected: true, lastSeenAt: 9, components: ['orders-web'], clusters: [] },
    ...{ facts: { kernel: '6.1' }, factsObservedAt: 8, factsStale: true, attributes: { rack: 7 } },
    factsRefused: ['pg: is no JSON'],
  });
  expect(await views.get('db01')).toMatchObject({ id: null, facts: null, clusters: ['ordersdb'] });
  expect(await views.get('nobody')).toBeNull();
});

it('come in pages by name, for a CMDB that pulls', async () => {
  const first = await views.page('', 2);
  expect(first.hosts.map(({ name }) => name)).toEqual(['db01', 'old']);
  expect(first).toMatchObject({ next: 'old', landscape: { version: 1, digest: 'd' } });
  const last = await views.page(first.next ?? '', 2);
  expect(last.hosts.map(({ name }) => name)).toEqual(['web01']);
  expect(last.next).toBeNull();
});
