import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readLandscape } from '@tidemark/controller/landscape/read.ts';
import { compile } from '@tidemark/controller/planner/compile.ts';
import { parsePolicy } from '@tidemark/controller/planner/parse-policy.ts';
import { bundleOf, factsOf, hostIdOf, shop } from '@tidemark/controller/planner/testing/world.ts';
import { describe, expect, it } from 'vitest';

const example = (name: string) => readFileSync(join(import.meta.dirname, '../../docs/examples', name), 'utf8');

describe('the example landscape and policy', () => {
  const landscape = readLandscape(example('landscape.yaml'), 'landscape.yaml');
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
