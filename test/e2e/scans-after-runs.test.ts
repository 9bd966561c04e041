import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../support/fleet.ts';
import { Night } from '../support/night.ts';

/* What is looked at after a run, and what becomes of the drift that is found, with the built programs and real agents. */

const HOSTS = ['watched-a', 'other-a', 'step-a'];
const FLEET_MS = 900_000;
const WITHOUT_SCAN = '{base: standard, change: {fingerprint: {skip: true}}}';

let night: Night;

beforeAll(async () => {
  night = await Night.prepare({
    hosts: HOSTS.map(name => ({ name, product: 'alpha' })),
    waves: '    - {name: all}',
  });
  night.startComponents();
  // Nobody brought it with a release.
  for (const host of HOSTS) {
    const file = join(night.fleet.root(host), 'opt/alpha/current/bin/left-by-somebody');
    writeFileSync(file, '#!/bin/sh\n', { mode: 0o755 });
  }
}, FLEET_MS);

afterAll(() => night?.stop());

/** Plans, approves and applies a policy for the hosts of a condition, and waits for the run's end. */
async function run(name: string, select: string, steps: string): Promise<void> {
  const { fleet } = night;
  const lines = [
    'apiVersion: tidemark/v1',
    'kind: PatchPolicy',
    `metadata: {name: ${name}, owner: team-shop}`,
    'spec:',
    `  select: ${select}`,
    '  bundle: {name: next}',
    '  window: {duration: 2h, reserve: 5m, timezone: UTC}',
    '  tiers: {span: host, order: [{name: app}]}',
    '  groups: [{name: watched, when: host.name != "other-a", onDrift: incident}]',
    `  steps: ${steps}`,
    '',
  ];
  const [file, plan] = [fleet.path(`${name}.yaml`), fleet.path(`${name}.json`)];
  writeFileSync(file, lines.join('\n'));
  await fleet.cliOk('plan', file, '--out', plan);
  await fleet.cliOk('approve', plan, '--key', fleet.keyOf('ada'));
  const { run: id } = await fleet.cliJson<{ run: string }>('apply', plan);
  await night.watch(id);
}

const fingerprintsOf = async (host: string): Promise<number> =>
  (await night.fleet.cliJson<unknown[]>('get', 'fingerprints', host)).length;

const driftIncidents = async (): Promise<string[]> =>
  (await night.fleet.cliJson<{ host: string; title: string }[]>('get', 'incidents'))
    .filter(({ title }) => title.startsWith('drift'))
    .map(({ host }) => host);

it('a host is scanned after a run whose order does not, and drift is an incident where its group says so', async () => {
  const { fleet } = night;
  for (const host of ['watched-a', 'other-a']) {
    await fleet.cliOk('profile', 'sign', '--host', host, '--key', fleet.keyOf('ada'));
  }
  await run('plain', 'host.name != "step-a"', WITHOUT_SCAN);
  await until('both are scanned', async () =>
    (await Promise.all(['watched-a', 'other-a'].map(fingerprintsOf))).every(count => count === 1),
  );
  await until('drift is told', async () => (await driftIncidents()).includes('watched-a'));
  expect(await driftIncidents()).toEqual(['watched-a']);
});

it('the scan that an order makes is the one after the run: none is asked for beside it', async () => {
  await run('with-step', 'host.name == "step-a"', 'standard');
  await until('drift is told', async () => (await driftIncidents()).includes('step-a'));
  expect(await fingerprintsOf('step-a')).toBe(1);
});
