import { p90Of } from '@tidemark/shared/orders/expected.ts';
import { encodePlan, openPlan } from '@tidemark/shared/orders/plan.ts';
import { describe, expect, it } from 'vitest';
import type { CompileInput } from './input.ts';
import { bundleOf, component, errorsOf, factsOf, host, hostIdOf, NOW, planned, shop } from './testing/world.ts';

type World = Omit<CompileInput, 'policy'>;

/** The shop with other facts for some hosts; null takes them away. */
function withFacts(changes: Record<string, ReturnType<typeof factsOf> | null>): Partial<World> {
  const facts = new Map(shop().facts);
  for (const [name, found] of Object.entries(changes)) {
    if (found) facts.set(hostIdOf(name), found);
    else facts.delete(hostIdOf(name));
  }
  return { facts };
}

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

const jobsOf = (plan: ReturnType<typeof planned>, name: string) =>
  plan.orders.find(order => order.host.name === name)?.jobs.map(job => job.id) ?? [];

const excludedOf = (plan: ReturnType<typeof planned>) =>
  Object.fromEntries(plan.header.excluded.map(({ host: name, reason }) => [name, reason]));

describe('the order of a host', () => {
  it('has the standard jobs in their order', () => {
    expect(jobsOf(planned(), 'web01')).toEqual([
      'space',
      'stage:orders-web',
      'backup',
      'stop:orders-web',
      'patch:orders-web',
      'start:orders-web',
      'verify:orders-web',
      'fingerprint',
    ]);
  });

  it('has a handover only on the member that is active', () => {
    const plan = planned();
    expect(jobsOf(plan, 'db01')).toContain('handover:ordersdb');
    expect(jobsOf(plan, 'db02')).not.toContain('handover:ordersdb');
    const handover = plan.orders.flatMap(({ jobs }) => jobs).find(job => job.call.kind === 'cluster/handover');
    expect(handover).toMatchObject({
      name: 'hand over cluster ordersdb from db01 to db02',
      call: { args: { command: ['/bin/handover', 'db02'], confirm: ['/bin/is-standby'] } },
      undo: null,
      onFailure: 'hold',
    });
  });

  it('stops from the top tier and starts from the bottom one', () => {
    const services = jobsOf(planned(), 'led01').filter(id => /^(stop|start):/.test(id));
    expect(services).toEqual(['stop:ledger-web', 'stop:ledger-app', 'start:ledger-app', 'start:ledger-web']);
  });

  it('names jobs so that they say what they touch', () => {
    const names = planned().orders.flatMap(({ jobs }) => jobs.map(job => job.name));
    expect(names).toContain('stop database orders-db on db01');
    expect(names).toContain('install orders-db 1.4.1 on db01');
  });

  it('takes back an installation by the version that the facts say is current', () => {
    const patch = planned()
      .orders.flatMap(({ jobs }) => jobs)
      .find(job => job.id === 'patch:orders-web');
    expect(patch?.undo).toEqual({
      kind: 'archive/activate',
      args: { product: 'orders-web', version: '1.4.0', home: '/opt/orders-web' },
    });
  });

  it('has nothing to take back where the policy says so', () => {
    const plan = planned({
      select: 'host.name == "web01"',
      clusters: null,
      steps: '[{id: halt, uses: service/stop, undo: none}, {id: go, uses: service/start}]',
    });
    expect(plan.orders[0]?.jobs.map(job => [job.id, job.undo?.kind ?? null])).toEqual([
      ['halt:orders-web', null],
      ['go:orders-web', 'service/stop'],
    ]);
  });

  it('asks for the space of download, unpacked release and backup', () => {
    const space = planned({}, { installedBytes: new Map([['orders-db 1.4.0', 5_000_000]]) }).orders.find(
      order => order.host.name === 'db01',
    )?.jobs[0];
    expect(space?.call).toEqual({
      kind: 'check/disk',
      args: { needs: [{ path: '/opt/orders-db', bytes: 1_000_000 + 3_000_000 + 5_000_000 }] },
    });
  });

  it('asks for space once for each file system', () => {
    const disks = [{ mount: '/' }, { mount: '/opt/ledger-app' }, { mount: '/opt/ledger' }];
    const plan = planned({}, withFacts({ led01: factsOf(['ledger-web', 'ledger-app'], '1.4.0', { disks }) }));
    const space = plan.orders.find(order => order.host.name === 'led01')?.jobs[0];
    expect(space?.call.args).toEqual({
      needs: [
        { path: '/opt/ledger-app', bytes: 3_000_000 + 3_000_000 + 2_000_000 },
        { path: '/opt/ledger-web', bytes: 6_000_000 },
      ],
    });
  });

  it('gives peers one scan profile, byte for byte', () => {
    const scans = planned().orders.flatMap(({ host: { name }, jobs }) =>
      jobs.filter(job => job.call.kind === 'scan/run' && name.startsWith('db')).map(job => job.call.args),
    );
    expect(scans).toHaveLength(2);
    expect(scans[0]).toEqual(scans[1]);
    expect(scans[0]).toMatchObject({
      profile: {
        name: 'applications',
        roots: [{ path: '/etc/orders-db', plane: 'config' }, { path: '/opt/orders-db' }],
      },
    });
  });

  it('cannot start early, nor so late that the rest and the reserve do not fit, nor end in the dark once stopped', () => {
    const jobs = planned().orders.find(order => order.host.name === 'web01')?.jobs ?? [];
    const end = NOW + 4 * 3_600_000;
    const total = jobs.reduce((sum, job) => sum + p90Of(job), 0);
    expect(jobs.every(job => job.notBefore === NOW)).toBe(true);
    expect(jobs[0]?.notAfter).toBe(end - 30 * 60_000 - total);
    const stop = jobs.findIndex(job => job.call.kind === 'service/stop');
    expect(jobs[stop]?.notAfter).toBeLessThan(end);
    expect(jobs.slice(stop + 1).every(job => job.notAfter === end)).toBe(true);
  });

  it('runs a step only where its condition holds', () => {
    const plan = planned({
      clusters: null,
      select: 'host.name.startsWith("web")',
      steps: '[{id: look, uses: check/disk}, {id: halt, uses: service/stop, when: host.name == "web02"}]',
    });
    expect(jobsOf(plan, 'web01')).toEqual(['look']);
    expect(jobsOf(plan, 'web02')).toEqual(['look', 'halt:orders-web']);
  });
});

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
    expect(jobsOf(plan, 'led01')).toEqual([
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

describe('waves', () => {
  const waveOf = (plan: ReturnType<typeof planned>) =>
    Object.fromEntries(plan.header.hosts.map(({ name, wave }) => [name, wave]));

  it('take each host once, the first that matches', () => {
    const plan = planned({
      waves: '[{name: web, when: host.role == "web"}, {name: any, when: host.app == "orders"}, {name: rest}]',
    });
    expect(waveOf(plan)).toMatchObject({ web01: 'web', app01: 'any', db02: 'any', led01: 'rest' });
    expect(plan.header.waves.map(({ name, needs }) => [name, needs])).toEqual([
      ['web', []],
      ['any', ['web']],
      ['rest', ['any']],
    ]);
  });

  it('pick hosts of different kinds, and what stops as a whole last', () => {
    const plan = planned({ waves: '[{name: canary, pick: 3}, {name: rest}]' });
    expect(plan.header.hosts.filter(({ wave }) => wave === 'canary').map(({ name }) => name)).toEqual([
      'app01',
      'db02',
      'web01',
    ]);
  });

  it.each([1, 2, 3, 4, 5, 6])('never pick both members of a cluster, nor the active one first: pick %d', count => {
    const plan = planned({ select: 'host.app == "orders"', waves: `[{name: canary, pick: ${count}}, {name: rest}]` });
    const picked = plan.header.hosts.filter(({ wave }) => wave === 'canary').map(({ name }) => name);
    expect(picked).not.toContain('db01');
    expect(picked.length).toBe(Math.min(count, 5));
  });

  it('are an error where they pick and find none', () => {
    expect(errorsOf({ waves: '[{name: a, when: host.clusterRole == "active", pick: 1}, {name: b}]' })).toEqual([
      expect.stringContaining(
        'wave a picks 1, and finds none: all that it matches are members of clusters in which others go first',
      ),
    ]);
    expect(errorsOf({ waves: '[{name: a, when: host.app == "ledger", pick: 1}, {name: b}]' })).toEqual([
      expect.stringContaining('the smallest of what could be picked stops 2 hosts together'),
    ]);
  });

  it('without a host are left out, and nobody waits for them', () => {
    const { waves } = planned({
      waves: '[{name: a, when: host.role == "web"}, {name: b, when: host.app == "x"}, {name: c}]',
    }).header;
    expect(waves.map(({ name, needs }) => [name, needs])).toEqual([
      ['a', []],
      ['c', ['a']],
    ]);
  });
});

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

describe('a plan is refused', () => {
  it.each<[string, Parameters<typeof errorsOf>[0], Partial<World>, string]>([
    ['a bundle that is not there', {}, { bundle: null }, '6:18 there is no bundle shop-1.4.1: create it first'],
    ['a selector that finds nobody', { select: 'host.app == "x"' }, {}, '5:11 it selects none of the 8 hosts'],
    [
      'a selector without an answer',
      { select: 'host.attributes.rack == "r1"' },
      {},
      '5:11 whether it selects app01, app02, db01, db02, led01 and 3 more cannot be said: No such key: rack',
    ],
    ['a window that is over', {}, { at: NOW - 4 * 3_600_000 }, '7:11 the window was over at'],
    [
      'a window that is too short',
      { window: '{duration: 61s, reserve: 60s}' },
      {},
      '7:11 no time for app01, app02, db01, db02, led01 and 3 more: it takes up to 26 s and a reserve of 1 min, and the window has 2 min',
    ],
    [
      'tiers without an order',
      { tiers: '[{name: web}, {name: app}]' },
      {},
      '8:10 tier db (orders-db on db01, orders-db on db02, ledger-db on led02) has no place',
    ],
    [
      'a step without an answer',
      { steps: '[{id: a, uses: scan/run, when: facts.x == 1}]', clusters: null, select: 'host.name == "web01"' },
      {},
      '9:11 whether step a is for web01 cannot be said',
    ],
    [
      'a wave without an answer',
      { waves: '[{name: a, when: host.attributes.x == 1}]', select: 'host.name == "web01"' },
      {},
      '10:11 whether wave a takes web01 cannot be said',
    ],
    [
      'a budget for a wave that is none',
      { waves: '[{name: canary}]', budgets: '[{scope: wave, of: canari, maxFailed: 1, then: stop}]' },
      {},
      '11:13 the plan has no wave canari (did you mean "canary"?)',
    ],
  ])('for %s', (_, parts, world, expected) => {
    expect(errorsOf(parts, world)).toEqual([expect.stringContaining(expected)]);
  });

  it('for approvers that cannot approve', () => {
    const trustRoot = {
      format: 'tidemark/trust-root/v1' as const,
      fleet: 'test-fleet',
      version: 1,
      approvers: [
        { name: 'ada', publicKey: 'AAAA', classes: ['patch' as const] },
        { name: 'grace', publicKey: 'BBBB', classes: ['patch' as const] },
      ],
      thresholds: { observe: 0, patch: 1, command: 1 },
    };
    const of = (approvals: string) => errorsOf({ approvals }, { trustRoot });
    expect(of('[{from: [ada, grac]}]')).toEqual([
      '10:28 the fleet\'s trust root knows no approver grac (did you mean "grace"?)',
    ]);
    expect(of('[{need: 2, notAuthor: true}]')).toEqual([
      '10:15 it needs 2 approvers, and only 1 can approve a plan of ada',
    ]);
    expect(of('[{need: 1, notAuthor: true}]')).toEqual([]);
  });
});

describe('the document of a plan', () => {
  it('opens, and every order is provably in it', () => {
    const { header, orders } = planned();
    const opened = openPlan(encodePlan(header, orders));
    expect(opened.ok && opened.value.header).toEqual(header);
  });
});
