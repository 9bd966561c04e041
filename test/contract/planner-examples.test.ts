import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readWholeLandscape } from '@tidemark/controller/landscape/read.ts';
import { compile } from '@tidemark/controller/planner/compile.ts';
import { policySchema } from '@tidemark/controller/planner/json-schema.ts';
import { parsePolicy } from '@tidemark/controller/planner/parse-policy.ts';
import {
  bundleOf,
  component,
  factsOf,
  host,
  hostIdOf,
  NOW,
  policyText,
  shop,
} from '@tidemark/controller/planner/testing/world.ts';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const EXAMPLES = join(import.meta.dirname, '../../docs/examples');
const example = (name: string) => readFileSync(join(EXAMPLES, name), 'utf8');

describe('the example landscape and policy', () => {
  const landscape = readWholeLandscape(example('landscape.yaml'), 'landscape.yaml');
  const policy = parsePolicy(example('policy.yaml'), 'policy.yaml');

  it('are read without an error', () => {
    expect(landscape.ok ? [] : landscape.error).toEqual([]);
    expect(policy.ok ? [] : policy.error).toEqual([]);
  });

  it('make a plan for all of their hosts', () => {
    if (!landscape.ok || !policy.ok) throw new Error('see the test before');
    const { hosts, components } = landscape.value;
    const facts = hosts.map(({ name }) => {
      const products = components.filter(each => each.host === name).map(each => each.product ?? '');
      return [
        hostIdOf(name),
        factsOf(products, '1.4.0', { ordersdb: { role: name === 'db01' ? 'active' : 'standby' } }),
      ] as const;
    });
    const plan = compile({
      ...shop(),
      policy: policy.value,
      landscape: { ...landscape.value, version: 1 },
      bundle: bundleOf([...new Set(components.map(({ product }) => product ?? ''))]),
      facts: new Map(facts),
    });
    if (!plan.ok) throw new Error(JSON.stringify(plan.error, null, 1));
    const { header } = plan.value;
    expect(header.excluded).toEqual([]);
    expect(Object.fromEntries(header.hosts.map(({ name, wave }) => [name, wave]))).toEqual({
      app01: 'canary',
      db02: 'canary',
      app02: 'rest',
      db01: 'rest',
      led01: 'rest',
      led02: 'rest',
      web01: 'rest',
      web02: 'rest',
    });
    expect(header.budgets).toHaveLength(3);
  });
});

/** The payments system that docs/examples/payments.yaml is about. */
function payments() {
  const names = {
    web: ['web01', 'web02', 'web03', 'web04'],
    app: ['app01', 'app02', 'app03', 'app04'],
    db: ['db01', 'db02'],
    queue: ['mq01', 'mq02', 'mq03'],
  };
  const hosts = Object.entries(names).flatMap(([role, own]) =>
    own.map((name, index) =>
      host(name, 'payments', {
        tags: index === 0 ? ['cards', 'batch'] : [],
        attributes: { role, hypervisor: `hv${index % 2}` },
      }),
    ),
  );
  const tierOf = { web: 'web', app: 'app', db: 'db', queue: 'db' } as const;
  const components = Object.entries(names).flatMap(([role, own]) =>
    own.map(name => component(`payments-${role}`, name, tierOf[role as keyof typeof tierOf])),
  );
  const more: Record<string, Record<string, unknown>> = {
    db01: { paymentsdb: { role: 'active', lagSeconds: 0 } },
    db02: { paymentsdb: { role: 'standby', lagSeconds: 2 } },
    mq01: { queue: { leaderOf: ['a', 'b'], inSync: true } },
    mq02: { queue: { leaderOf: [], inSync: true } },
    mq03: { queue: { leaderOf: ['c'], inSync: true } },
  };
  const facts = hosts.map(({ name }) => {
    const products = components.filter(each => each.host === name).map(each => each.product ?? '');
    return [hostIdOf(name), factsOf(products, '1.4.0', more[name] ?? {})] as const;
  });
  return {
    ...shop(),
    landscape: {
      version: 1,
      hosts,
      components,
      clusters: [
        { name: 'payments-db', members: names.db },
        { name: 'payments-queue', members: names.queue },
      ],
    },
    agents: new Map(hosts.map(({ name }) => [name, { id: hostIdOf(name), state: 'enrolled' as const }])),
    facts: new Map(facts),
    bundle: bundleOf(Object.keys(names).map(role => `payments-${role}`)),
    at: null,
  };
}

describe('the example of all that the language can say', () => {
  const files = new Map([['year-end.ics', example('year-end.ics')]]);
  const policy = parsePolicy(example('payments.yaml'), 'payments.yaml', files);
  const compiled = (changes: { emergency?: string; now?: number } = {}) => {
    if (!policy.ok) throw new Error(JSON.stringify(policy.error, null, 1));
    const plan = compile({ ...payments(), ...changes, policy: policy.value });
    if (!plan.ok) throw new Error(JSON.stringify(plan.error, null, 1));
    return plan.value;
  };

  it('makes a plan for all of its hosts, wave by wave', () => {
    const { header } = compiled();
    expect(header.excluded).toEqual([]);
    const waves = Map.groupBy(header.hosts, ({ wave }) => wave);
    const names = (wave: string) => waves.get(wave)?.map(({ name }) => name);
    expect(names('canary')).toEqual(['app01']);
    expect(names('inactives')).toEqual(['mq01', 'db02', 'mq02', 'mq03']);
    expect(names('actives')).toEqual(['db01']);
    expect(names('others')?.toSorted()).toEqual(['app02', 'app03', 'app04', 'web01', 'web02', 'web03', 'web04']);
    expect(header.waves.map(({ name, gates }) => [name, gates.map(({ kind }) => kind)])).toEqual([
      ['canary', []],
      ['inactives', ['http']],
      ['actives', ['metric', 'signal', 'approval']],
      ['others', []],
    ]);
  });

  it('steps over the nights of the year end', () => {
    const december = Date.parse('2026-12-01T00:00:00Z');
    if (!policy.ok) throw new Error('see the test before');
    const facts = new Map([...payments().facts].map(([id, each]) => [id, { ...each, observedAt: december }]));
    const plan = compile({ ...payments(), facts, now: december, policy: policy.value });
    if (!plan.ok) throw new Error(JSON.stringify(plan.error));
    const { start, skipped } = plan.value.header.window;
    expect(new Date(start).toISOString()).toBe('2027-01-16T21:00:00.000Z');
    expect(skipped.map(({ reason }) => reason)).toEqual([expect.stringContaining('"year end" of year-end.ics')]);
  });

  it('orders its queues by how many they lead, and drains only web servers', () => {
    const { header, orders } = compiled();
    expect(
      header.precedences
        .filter(({ before }) => before.host.startsWith('mq'))
        .map(({ before, after }) => `${before.host} ${after.host}`),
    ).toEqual(['mq02 mq03', 'mq03 mq01']);
    const drained = orders.filter(({ jobs }) => jobs.some(({ call }) => call.kind === 'lb/drain'));
    expect(drained.map(each => each.host.name).sort()).toEqual(['web01', 'web02', 'web03', 'web04']);
    const db01 = orders.find(each => each.host.name === 'db01')?.jobs.map(({ name }) => name);
    expect(db01).toContain('stop database payments-db on db01');
  });

  it('opens at once in an emergency', () => {
    const { header } = compiled({ emergency: 'a hole in TLS' });
    expect(header.window.start).toBe(NOW);
    expect(header.waves.every(({ soakMs }) => soakMs <= 300_000)).toBe(true);
    expect(header.approvals).toMatchObject([{ from: ['emil'] }]);
  });
});

describe('the schema for editors', () => {
  const schema = policySchema();
  const validate = new Ajv2020({ allErrors: true, strict: false, validateFormats: false }).compile(schema);
  const problems = (text: string) => {
    validate(parse(text));
    return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  };

  it('is as it was agreed on, apart from what each kind of step takes', async () => {
    const language = JSON.stringify(schema, (key, value: unknown) => (key === 'allOf' ? undefined : value), 2);
    await expect(`${language}\n`).toMatchFileSnapshot('../golden/policy-schema.golden.json');
  });

  it('takes every example', () => {
    const policies = readdirSync(EXAMPLES).filter(name => /kind: PatchPolicy/.test(example(name)));
    expect(policies.length).toBeGreaterThanOrEqual(2);
    for (const name of policies) expect(problems(example(name)), name).toEqual([]);
  });

  it.each([
    ['an unknown key', { select: '"true"', wavs: '[]' }, '/spec must NOT have additional properties'],
    ['a ring that is none', { bundle: '{ring: "to all"}' }, '/spec/bundle/ring must match pattern'],
    [
      'an argument that the step does not know',
      { steps: '[{id: a, uses: check/disk, with: {free: 1}}]' },
      '/spec/steps/0/with',
    ],
    ['a gate without its address', { waves: '[{name: a, gates: [{name: b, kind: http}]}]' }, '/spec/waves/0/gates/0'],
  ])('refuses %s, as the reader does', (_, parts, expected) => {
    const text = policyText(parts);
    expect(problems(text).join('\n')).toContain(expected);
    expect(parsePolicy(text, 'policy.yaml').ok).toBe(false);
  });
});
