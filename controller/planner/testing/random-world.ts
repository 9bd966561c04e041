import fc from 'fast-check';
import type { CompileInput, PlannerComponent, PlannerHost } from '../input.ts';
import { bundleOf, component, factsOf, host, hostIdOf, NOW, type PolicyParts, shop } from './world.ts';

export interface RandomWorld {
  input: Omit<CompileInput, 'policy'>;
  parts: PolicyParts;
}

const TIERS = ['web', 'app', 'db'];

/** How one host is: most are well, some are what the planner must leave out. */
const Condition = fc.oneof(
  { weight: 12, arbitrary: fc.constant('well' as const) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('no-agent', 'banned', 'no-facts', 'stale', 'current', 'newer', 'not-installed'),
  },
);

const RandomHost = fc.record({
  condition: Condition,
  /** Tiers of its components. */
  tiers: fc.subarray(TIERS, { minLength: 0 }),
  /** What its probe says, where it is in a cluster and this decides it. */
  probe: fc.oneof(
    { weight: 9, arbitrary: fc.constant('by-place' as const) },
    { weight: 1, arbitrary: fc.constantFrom('active', 'standby', 'silent') },
  ),
});

const RandomApplication = fc.record({
  hosts: fc.array(RandomHost, { minLength: 1, maxLength: 5 }),
  spans: fc.boolean(),
  /** Sizes of clusters that are cut from its hosts, one after the other. */
  clusters: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }),
});

const RandomWave = fc.record({
  when: fc.constantFrom(
    null,
    'host.clusterRole != "active"',
    'host.clusterRole == "standby"',
    'host.app == "a0"',
    'host.role == "db"',
  ),
  pick: fc.option(fc.integer({ min: 1, max: 4 })),
  maxParallel: fc.option(fc.integer({ min: 1, max: 8 })),
});

/** Landscapes with units, clusters and all kinds of unfit hosts, and policies over them; many of these have no plan. */
export const randomWorlds: fc.Arbitrary<RandomWorld> = fc
  .record({
    applications: fc.array(RandomApplication, { minLength: 1, maxLength: 4 }),
    waves: fc.array(RandomWave, { maxLength: 3 }),
    minInService: fc.constantFrom('0', '1', '25%', '50%'),
    select: fc.constantFrom('host.env == "prod"', 'host.app != "a1"', '!("odd" in host.tags)'),
  })
  .map(({ applications, waves, minInService, select }) => {
    const hosts: PlannerHost[] = [];
    const components: PlannerComponent[] = [];
    const clusters: { name: string; members: string[] }[] = [];
    const { agents, facts, ...rest } = { ...shop(), agents: new Map(), facts: new Map() } as ReturnType<typeof shop> & {
      agents: Map<string, { id: string; state: 'enrolled' | 'banned' }>;
      facts: Map<string, ReturnType<typeof factsOf>>;
    };
    for (const [number, application] of applications.entries()) {
      const names = application.hosts.map((_, index) => `a${number}-h${index}`);
      let from = 0;
      for (const [index, size] of application.clusters.entries()) {
        const members = names.slice(from, from + size);
        if (members.length > 0) clusters.push({ name: `a${number}-c${index}`, members });
        from += size;
      }
      for (const [index, { condition, tiers, probe }] of application.hosts.entries()) {
        const name = names[index] ?? '';
        hosts.push(host(name, `a${number}`, { tags: index % 2 ? ['odd'] : [], attributes: {} }));
        for (const tier of tiers) components.push(component(`a${number}-${tier}`, name, tier));
        const cluster = clusters.find(({ members }) => members.includes(name));
        const role = probe === 'by-place' ? (cluster?.members[0] === name ? 'active' : 'standby') : probe;
        const version = condition === 'current' ? '1.4.1' : condition === 'newer' ? '1.5.0' : '1.4.0';
        const products = condition === 'not-installed' ? [] : tiers.map(tier => `a${number}-${tier}`);
        const found = factsOf(products, version, role === 'silent' ? {} : { probe: { role } });
        if (condition !== 'no-agent')
          agents.set(name, { id: hostIdOf(name), state: condition === 'banned' ? 'banned' : 'enrolled' });
        if (condition !== 'no-facts')
          facts.set(hostIdOf(name), condition === 'stale' ? { ...found, observedAt: NOW - 7_200_000 } : found);
      }
    }
    const spanning = applications.flatMap(({ spans }, number) => (spans ? [`"a${number}"`] : []));
    const products = applications.flatMap((_, number) => TIERS.map(tier => `a${number}-${tier}`));
    const parts: PolicyParts = {
      select,
      tiers: `{order: [{name: web, minInService: ${minInService}}, {name: app}, {name: db}], overrides: [{when: 'host.app in [${['"none"', ...spanning].join(', ')}]', span: application}]}`,
      clusters: `[{name: any, when: host.cluster != "", activeWhen: facts.probe.role == "active", handover: {uses: cluster/handover, with: {command: [/a], confirm: [/b]}}}]`,
      waves: `[${[...waves, { when: null, pick: null, maxParallel: null }]
        .map((wave, index) => {
          const keys = [`name: w${index}`];
          if (wave.when) keys.push(`when: '${wave.when}'`);
          if (wave.pick) keys.push(`pick: ${wave.pick}`);
          if (wave.maxParallel) keys.push(`maxParallel: ${wave.maxParallel}`);
          return `{${keys.join(', ')}}`;
        })
        .join(', ')}]`,
    };
    const landscape = { version: 1, hosts, components, clusters };
    return { input: { ...rest, landscape, agents, facts, bundle: bundleOf(products) }, parts };
  });
