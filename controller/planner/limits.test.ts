import { describe, expect, it } from 'vitest';
import type { CompileInput } from './input.ts';
import {
  component,
  errorsOf,
  factsOf,
  host,
  hostIdOf,
  type PolicyParts,
  planned,
  shop,
  withFacts,
} from './testing/world.ts';

type World = Omit<CompileInput, 'policy'>;

const WEB = 'host.name.startsWith("web")';

describe('limits', () => {
  const tiers = (minInService: string) => `[{name: web, minInService: ${minInService}}, {name: app}, {name: db}]`;
  const webs = 'host.name.startsWith("web")';
  const three: Partial<World> = (() => {
    const world = shop();
    const { landscape } = world;
    return {
      landscape: {
        ...landscape,
        hosts: [...landscape.hosts, host('web03', 'orders')],
        components: [...landscape.components, component('orders-web', 'web03', 'web')],
      },
      agents: new Map(world.agents).set('web03', { id: hostIdOf('web03'), state: 'enrolled' }),
      facts: new Map(world.facts).set(hostIdOf('web03'), factsOf(['orders-web'])),
    };
  })();

  it.each([
    ['50%', 1],
    ['34%', 1],
    ['33%', 2],
    ['1', 2],
    ['2', 1],
  ])('keep %s of three in service: %d may be out', (minInService, maxOut) => {
    const { limits } = planned({ select: webs, tiers: tiers(minInService), clusters: null }, three).header;
    expect(limits).toMatchObject([{ name: 'tier web of orders', maxOut }]);
  });

  it.each(['100%', '3', '4'])('are an error where %s of three leave nobody to take out', minInService => {
    expect(errorsOf({ select: webs, tiers: tiers(minInService), clusters: null }, three)).toEqual([
      expect.stringMatching(
        /^8:11 tier web of orders keeps \d of 3 hosts in service: none of web01, web02, web03 can be taken out$/,
      ),
    ]);
  });

  it('do not count on a host that is silent', () => {
    expect(errorsOf({ select: webs, clusters: null }, withFacts({ web02: null }))).toEqual([
      expect.stringContaining('tier web of orders keeps 1 of 2 hosts in service; web02 cannot be counted on'),
    ]);
  });
});

describe('limits over all runs', () => {
  const limitsOf = (parts: PolicyParts, changes: Partial<World> = {}) =>
    Object.fromEntries(planned(parts, changes).header.limits.map(({ key, maxOut }) => [key, maxOut]));

  it('are of clusters and tiers in any case', () => {
    expect(limitsOf({})).toEqual({ 'cluster/ordersdb': 1, 'tier/orders/web': 1, 'tier/orders/app': 1 });
  });

  it('can be of applications, tiers and attributes, as a count or a share of the whole fleet', () => {
    const { landscape } = shop();
    const sites = {
      landscape: {
        ...landscape,
        hosts: landscape.hosts.map((each, index) => ({ ...each, attributes: { site: index % 2 ? 'a' : 'b' } })),
      },
    };
    expect(
      limitsOf(
        {
          limits: '[{per: attributes.site, maxUnavailable: 50%}]',
          tiers: '{order: [{name: web}, {name: app}, {name: db}]}',
        },
        sites,
      ),
    ).toEqual({
      'attribute/site/a': 2,
      'attribute/site/b': 2,
      'cluster/ordersdb': 1,
    });
    expect(
      limitsOf({ select: WEB, limits: '[{per: application, maxUnavailable: 3}, {per: tier, maxUnavailable: 2}]' }),
    ).toEqual({
      'application/orders': 3,
      // The tier keeps half of two in service, which is stricter.
      'tier/orders/web': 1,
    });
  });

  it('of a unit that stops as a whole must let it', () => {
    expect(
      errorsOf({ select: 'host.app == "ledger"', clusters: null, limits: '[{per: application, maxUnavailable: 1}]' }),
    ).toEqual([
      expect.stringContaining(
        'application ledger stops led01, led02 together, and of application ledger only 1 may be out',
      ),
    ]);
  });
});
