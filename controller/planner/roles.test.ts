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

describe('a cluster', () => {
  it('has its active member last and one member out at a time', () => {
    const { header } = planned({ select: 'host.name.startsWith("db")' });
    expect(header.hosts.map(({ name, clusterRole }) => [name, clusterRole])).toEqual([
      ['db01', 'active'],
      ['db02', 'standby'],
    ]);
    expect(header.precedences).toEqual([
      {
        before: { host: 'db02', job: 'fingerprint' },
        after: { host: 'db01', job: 'space' },
        reason: 'cluster ordersdb: the active member goes last',
      },
    ]);
    expect(header.limits).toEqual([
      expect.objectContaining({ name: 'cluster ordersdb', hosts: ['db01', 'db02'], maxOut: 1 }),
    ]);
  });

  it('is looked at as a whole where only its active member has something to patch', () => {
    const standbyDone = withFacts({ db02: factsOf(['orders-db'], '1.4.1', { ordersdb: { role: 'standby' } }) });
    const { header } = planned({ select: 'host.name.startsWith("db")' }, standbyDone);
    expect(header.hosts.map(({ name }) => name)).toEqual(['db01']);
    expect(header.clusters[0]?.members).toEqual(['db01', 'db02']);
  });

  it('is an error where its active member is in a wave before the standby', () => {
    const errors = errorsOf({ waves: '[{name: first, when: host.clusterRole == "active"}, {name: second}]' });
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain('these wait for each other: ');
    expect(errors[0]).toContain('wave first ends -> wave second begins');
    expect(errors[0]).toContain('fingerprint db02 -> check free space on db01');
  });

  it('is an error where no entry of the policy says how its active member is found', () => {
    expect(errorsOf({ clusters: null })).toEqual([
      expect.stringContaining('cluster ordersdb has no entry in clusters'),
    ]);
  });

  it('is an error where an entry names one that is not there', () => {
    const clusters =
      '[{name: orderdb, activeWhen: facts.x}, {name: rest, when: host.cluster != "", activeWhen: facts.x}]';
    expect(errorsOf({ clusters })).toEqual([
      expect.stringMatching(/^9:14 there is no cluster orderdb in the landscape \(did you mean "ordersdb"\?\)/),
    ]);
  });

  it('is an error where an entry is about some of its members only', () => {
    const clusters = '[{name: x, when: host.name == "db01", activeWhen: facts.x}]';
    expect(errorsOf({ clusters })).toEqual([expect.stringContaining('it splits cluster ordersdb')]);
  });
});

describe('clusters', () => {
  const NAMES = ['n1', 'n2', 'n3', 'n4', 'n5'];
  /** Five members that are alike, with what each says of itself. */
  function five(facts: (name: string, index: number) => Record<string, unknown>): Partial<World> {
    const agents = new Map(NAMES.map(name => [name, { id: hostIdOf(name), state: 'enrolled' as const }]));
    return {
      landscape: {
        version: 1,
        hosts: NAMES.map(name => host(name, 'orders')),
        components: NAMES.map(name => component('orders-db', name, 'db')),
        clusters: [{ name: 'ring', members: NAMES }],
      },
      agents,
      facts: new Map(
        NAMES.map((name, index) => [hostIdOf(name), factsOf(['orders-db'], '1.4.0', { ring: facts(name, index) })]),
      ),
    };
  }
  /** Who comes directly before whom. */
  const chain = (parts: PolicyParts, world: Partial<World>) =>
    planned(parts, world).header.precedences.map(({ before, after }) => `${before.host} ${after.host}`);

  it('go as they are listed', () => {
    const clusters = '[{name: ring, order: listed, members: [n3, n1, n5, n2, n4]}]';
    expect(
      chain(
        { clusters },
        five(() => ({})),
      ),
    ).toEqual(['n3 n1', 'n1 n5', 'n5 n2', 'n2 n4']);
  });

  it('list all of their members and nobody else', () => {
    const listed = (members: string) =>
      errorsOf(
        { clusters: `[{name: ring, order: listed, members: ${members}}]` },
        five(() => ({})),
      );
    expect(listed('[n1, n2, n3, n4]')).toEqual([expect.stringContaining('the order of cluster ring does not list n5')]);
    expect(listed('[n1, n2, n3, n4, n5, n6]')).toEqual([expect.stringContaining('lists n6, which is no member')]);
  });

  it('go by how many roles each member has', () => {
    const clusters = '[{name: ring, order: fewest-roles-first, roles: size(facts.ring.roles)}]';
    const roles = [['a', 'b'], [], ['c'], [], ['d', 'e', 'f']];
    expect(
      chain(
        { clusters },
        five((_, index) => ({ roles: roles[index] })),
      ),
    ).toEqual(['n2 n4', 'n4 n3', 'n3 n1', 'n1 n5']);
  });

  it('are left alone where a member does not say how many roles it has', () => {
    const clusters = '[{name: ring, order: fewest-roles-first, roles: size(facts.ring.roles)}]';
    expect(
      errorsOf(
        { clusters },
        five((_, index) => (index === 2 ? {} : { roles: [] })),
      ),
    ).toEqual([expect.stringMatching(/nothing is left to patch: .*cluster ring: how many roles n3 has is not known/)]);
  });

  it('keep a majority that is well, unless the policy asks for more or less', () => {
    const keep = (more: string) =>
      planned(
        { clusters: `[{name: ring, order: listed, members: [${NAMES}]${more}}]` },
        five(() => ({})),
      ).header.clusters[0]?.minHealthy;
    expect(keep('')).toBe(3);
    expect(keep(', minHealthy: 4')).toBe(4);
    expect(planned().header.clusters[0]?.minHealthy).toBe(1);
    expect(
      errorsOf(
        { clusters: `[{name: ring, order: listed, members: [${NAMES}], minHealthy: 5}]` },
        five(() => ({})),
      ),
    ).toEqual([expect.stringContaining('minHealthy 5 of 5 members lets none be taken out')]);
  });

  it('are not touched below their quorum; a member that is not well itself may be', () => {
    const rule = (minHealthy: number) =>
      `[{name: ring, order: listed, members: [${NAMES}], healthyWhen: facts.ring.well, minHealthy: ${minHealthy}}]`;
    const world = five((_, index) => ({ well: index !== 0 }));
    const { header } = planned({ clusters: rule(4) }, world);
    expect(header.hosts.map(({ name }) => name)).toEqual(['n1']);
    expect(header.excluded[0]?.reason).toBe(
      'cluster ring: n1 is not well, so only 3 of the 4 that must stay would be left without it',
    );
    expect(planned({ clusters: rule(3) }, world).header.excluded).toEqual([]);
  });

  it('never give up the last member that is well', () => {
    const world: Partial<World> = {
      facts: new Map(shop().facts)
        .set(hostIdOf('db02'), factsOf(['orders-db'], '1.4.0', { ordersdb: { role: 'standby', well: false } }))
        .set(hostIdOf('db01'), factsOf(['orders-db'], '1.4.0', { ordersdb: { role: 'active', well: true } })),
    };
    const clusters =
      '[{name: ordersdb, activeWhen: facts.ordersdb.role == "active", healthyWhen: facts.ordersdb.well}]';
    const { header } = planned({ clusters }, world);
    expect(header.hosts.map(({ name }) => name)).not.toContain('db01');
    expect(header.hosts.map(({ name }) => name)).toContain('db02');
  });
});
