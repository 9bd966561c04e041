import { describe, expect, it } from 'vitest';
import type { CompileInput } from './input.ts';
import { bundleOf, errorsOf, factsOf, hostIdOf, jobIdsOf, NOW, planned, shop, withFacts } from './testing/world.ts';

type World = Omit<CompileInput, 'policy'>;

/** Everything is on this version already, but for the hosts that are named. */
const allOn = (version: string, except: string[] = []): Partial<World> => {
  const { landscape, facts } = shop();
  const rest = landscape.hosts.filter(({ name }) => !except.includes(name));
  return withFacts(
    Object.fromEntries(
      rest.map(({ name }) => {
        const products = landscape.components.filter(each => each.host === name).map(each => each.product ?? '');
        const { releases: _, ...probes } = facts.get(hostIdOf(name))?.facts ?? {};
        return [name, factsOf(products, version, probes)];
      }),
    ),
  );
};

const dbRoles = (db01: unknown, db02: unknown): Partial<World> =>
  withFacts({
    db01: factsOf(['orders-db'], '1.4.0', { ordersdb: { role: db01 } }),
    db02: factsOf(['orders-db'], '1.4.0', { ordersdb: { role: db02 } }),
  });

const excludedOf = (plan: ReturnType<typeof planned>) =>
  Object.fromEntries(plan.header.excluded.map(({ host: name, reason }) => [name, reason]));

describe('a host is left out, with its reason,', () => {
  const without = (name: string): Partial<World> => {
    const agents = new Map(shop().agents);
    agents.delete(name);
    return { agents };
  };
  it.each<[string, string, Partial<World>, RegExp]>([
    ['without an agent', 'web01', without('web01'), /^no agent is enrolled on it$/],
    [
      'with an agent that is banned',
      'web01',
      { agents: new Map(shop().agents).set('web01', { id: hostIdOf('web01'), state: 'banned' }) },
      /^its agent is banned$/,
    ],
    ['without facts', 'web01', withFacts({ web01: null }), /^its agent has reported no facts yet$/],
    [
      'with old facts',
      'web01',
      withFacts({ web01: { ...factsOf(['orders-web']), observedAt: NOW - 3_600_001 } }),
      /^its agent is silent: the last facts are from 2026-/,
    ],
    [
      'on the version already',
      'web01',
      withFacts({ web01: factsOf(['orders-web'], '1.4.1') }),
      /^is on orders-web 1\.4\.1 already$/,
    ],
    [
      'on a newer version',
      'web01',
      withFacts({ web01: factsOf(['orders-web'], '1.5.0') }),
      /^has orders-web 1\.5\.0, which is newer than 1\.4\.1/,
    ],
    [
      'without the product',
      'web01',
      withFacts({ web01: factsOf([]) }),
      /^orders-web is not installed there: .* in \/opt\/orders-web$/,
    ],
    [
      'with a version that is none',
      'web01',
      withFacts({ web01: factsOf(['orders-web'], '../../etc') }),
      /which is no version$/,
    ],
    [
      'with facts of another kind',
      'web01',
      withFacts({ web01: { facts: { releases: ['x', null, 3] }, observedAt: NOW } }),
      /is not installed there/,
    ],
    [
      'without a component of the bundle',
      'web01',
      { bundle: bundleOf(['orders-db', 'orders-app']) },
      /^no component on it has a product of bundle shop-1\.4\.1$/,
    ],
    [
      'in a cluster whose peer is silent',
      'db01',
      withFacts({ db02: null }),
      /^cluster ordersdb: the state of db02 is not known: its agent has reported no facts yet$/,
    ],
    [
      'in a cluster without a probe',
      'db01',
      withFacts({ db02: factsOf(['orders-db']) }),
      /^cluster ordersdb: the role of db02 is not known: its probe gives no answer \(No such key: ordersdb\)$/,
    ],
    [
      'in a cluster with two active members',
      'db02',
      dbRoles('active', 'active'),
      /^cluster ordersdb: db01 and db02 both say that they are active$/,
    ],
    [
      'in a cluster without an active member',
      'db02',
      dbRoles('standby', 'standby'),
      /^cluster ordersdb: no member says that it is active$/,
    ],
    [
      'in a unit of which another host is left out',
      'led02',
      withFacts({ led01: null }),
      /^application ledger stops as a whole, and led01 is left out: its agent has reported no facts/,
    ],
  ])('%s', (_, name, world, reason) => {
    // A policy without minInService, which a silent host would break.
    const tiers =
      '{order: [{name: web}, {name: app}, {name: db}], overrides: [{when: host.app == "ledger", span: application}]}';
    const plan = planned({ tiers }, world);
    expect(excludedOf(plan)[name]).toMatch(reason);
    expect(plan.orders.map(order => order.host.name)).not.toContain(name);
  });

  it('in a unit of which another host is not selected', () => {
    const plan = planned({ select: 'host.name != "led02"' });
    expect(excludedOf(plan)).toEqual({ led01: 'application ledger stops as a whole, and led02 of it is not selected' });
  });

  it('that no wave takes', () => {
    const plan = planned({ waves: '[{name: only, when: host.app == "orders"}]' });
    expect(Object.keys(excludedOf(plan))).toEqual(['led01', 'led02']);
    expect(excludedOf(plan)['led01']).toBe('no wave takes all of application ledger (only)');
  });

  it('and where none is left, that is an error which says why', () => {
    expect(errorsOf({}, allOn('1.4.1'))).toEqual([
      expect.stringMatching(
        /^5:11 nothing is left to patch: app01, app02: is on orders-app 1\.4\.1 already; db01, db02: /,
      ),
    ]);
  });
});

describe('a unit', () => {
  it('takes hosts without a change along, since all of it stops', () => {
    const plan = planned({ select: 'host.app == "ledger"', clusters: null }, allOn('1.4.1', ['led02']));
    expect(plan.header.hosts.map(({ name, unit, changes }) => [name, unit, changes.length])).toEqual([
      ['led01', 'application ledger', 0],
      ['led02', 'application ledger', 1],
    ]);
    expect(jobIdsOf(plan, 'led01')).toEqual([
      'stop:ledger-web',
      'stop:ledger-app',
      'start:ledger-app',
      'start:ledger-web',
      'verify:ledger-app',
      'verify:ledger-web',
      'fingerprint',
    ]);
  });

  it('waits across hosts only where the order on a host does not say it already', () => {
    const { precedences } = planned({ select: 'host.app == "ledger"', clusters: null }).header;
    const text = precedences.map(({ before, after }) => `${before.host} ${before.job} -> ${after.host} ${after.job}`);
    expect(text).toEqual([
      'led02 backup -> led01 stop:ledger-web',
      'led01 stop:ledger-app -> led02 stop:ledger-db',
      'led02 stop:ledger-db -> led01 patch:ledger-app',
      'led01 patch:ledger-web -> led02 start:ledger-db',
      'led02 start:ledger-db -> led01 start:ledger-app',
    ]);
  });

  it('starts a tier only where every tier below it runs, also those that the next one has waited for', () => {
    const tiers = '{span: application, order: [{name: web}, {name: app}, {name: db}]}';
    const landscape = { ...shop().landscape, clusters: [] };
    const { precedences } = planned({ select: 'host.app == "orders"', clusters: null, tiers }, { landscape }).header;
    const text = precedences.map(({ before, after }) => `${before.host} ${before.job} -> ${after.host} ${after.job}`);
    for (const web of ['web01', 'web02']) {
      for (const db of ['db01', 'db02']) expect(text).toContain(`${db} start:orders-db -> ${web} start:orders-web`);
    }
  });

  it.each(['led01', 'led02'])('is never torn apart by a wave that is about %s only', one => {
    const plan = planned({ waves: `[{name: a, when: host.name == "${one}" || host.app == "orders"}, {name: b}]` });
    expect(plan.header.hosts.filter(({ wave }) => wave === 'b').map(({ name }) => name)).toEqual(['led01', 'led02']);
  });

  it('is an error where the wave lets fewer hosts work at once', () => {
    expect(errorsOf({ waves: '[{name: a, maxParallel: 1}]' })).toEqual([
      '10:11 wave a lets 1 hosts work at once, and application ledger stops 2 together',
    ]);
  });

  it('is an error where it holds two members of a cluster', () => {
    const tiers = '{span: application, order: [{name: web}, {name: app}, {name: db}]}';
    expect(errorsOf({ tiers, select: 'host.app == "orders"' })).toEqual([
      expect.stringContaining(
        'application orders stops db01, db02 together, and of cluster ordersdb only 1 may be out at once',
      ),
    ]);
  });

  it('is an error where an override splits an application', () => {
    const tiers =
      '{order: [{name: web}, {name: app}, {name: db}], overrides: [{when: host.name == "led01", span: application}]}';
    expect(errorsOf({ tiers })).toEqual([
      expect.stringContaining('it splits application ledger: it is about led01 and not about led02'),
    ]);
  });
});
