import { readWholeLandscape } from '@tidemark/controller/landscape/read.ts';
import { parsePolicy } from '@tidemark/controller/planner/parse-policy.ts';
import { expect, it } from 'vitest';
import { landscapeYaml, policyYaml } from '../demo/files.ts';
import { choosePorts, placements, SERVERS } from '../demo/site.ts';

it('the landscape of the demo is sound and lists what the demo builds', async () => {
  const read = readWholeLandscape(landscapeYaml(await choosePorts()), 'landscape.yaml');
  if (!read.ok) throw new Error(JSON.stringify(read.error, null, 2));
  expect(read.value.hosts).toHaveLength(SERVERS.length + 1);
  expect(read.value.components).toHaveLength(placements().length);
  expect(read.value.clusters).toEqual([{ name: 'ordersdb', members: ['db01', 'db02'] }]);
});

it('the policy of the demo is sound', () => {
  const parsed = parsePolicy(policyYaml(), 'policy.yaml');
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error, null, 2));
  expect(parsed.value.waves?.map(wave => wave.name)).toEqual(['first', 'ledger', 'rest']);
});
