import { readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/fleet.ts';
import { Night } from '../support/night.ts';
import { marksOf } from '../support/product.ts';

const HOSTS = [
  { name: 'one', product: 'alpha' },
  { name: 'two', product: 'alpha' },
];

/** Long enough to be killed in the middle of, twice over. */
const SLOW_STOP_SECONDS = 4;

describe('a run whose processes are killed', () => {
  let night: Night;

  beforeAll(async () => {
    night = await Night.prepare({ hosts: HOSTS, waves: '    - {name: all, maxParallel: 1}' });
    for (const { name } of HOSTS) {
      writeFileSync(join(night.fleet.root(name), 'slow-stop'), String(SLOW_STOP_SECONDS));
    }
  });

  afterAll(async () => {
    await night?.stop();
  });

  it('ends well and starts nothing twice: the agent killed in the middle of a step, the controller in the middle of the run', async () => {
    const { fleet } = night;
    // The components run before the night, so that there is something to stop.
    night.startComponents();
    const run = await night.begin();

    const first = await firstStopping(night);
    await fleet.killAgent(first);
    fleet.startAgent(first);

    await until('the first host is patched', () => deployedVersion(night, first) === '1.1.0');
    await fleet.killController();
    const second = HOSTS.map(({ name }) => name).find(name => name !== first) ?? '';
    await fleet.startController();
    await until(`${second} is being stopped`, () => marksOf(fleet.root(second), 'stop alpha') > 0);
    await fleet.killController();
    await fleet.startController();

    const end = await night.watch(run);
    expect(end.stderr + end.stdout).toContain('succeeded');
    expect(end.code).toBe(0);
    for (const { name } of HOSTS) {
      expect(deployedVersion(night, name)).toBe('1.1.0');
      expect(marksOf(fleet.root(name), 'stop alpha')).toBe(1);
      // Once before the night, once in it.
      expect(marksOf(fleet.root(name), 'start alpha')).toBe(2);
    }
  });

  it('knows soon after its end what is on the servers now', async () => {
    for (const { name, product } of HOSTS) {
      await until(`the controller knows the release on ${name}`, async () => {
        const { facts } = await night.fleet.cliJson<{ facts: { releases: Record<string, { version: string }> } }>(
          'describe',
          'host',
          name,
        );
        return facts.releases[product]?.version === '1.1.0';
      });
    }
  });

  it('has every job in the event log once: released, started and succeeded, in this order', async () => {
    const [run] = await night.fleet.cliJson<{ id: string }[]>('run', 'list');
    const events = await night.events(run?.id ?? '');
    const byJob = new Map<string, string[]>();
    for (const { host, job, event } of events) {
      if (!job) continue;
      const key = `${host} ${job}`;
      byJob.set(key, [...(byJob.get(key) ?? []), event]);
    }
    expect(byJob.size).toBeGreaterThan(10);
    for (const [job, history] of byJob) expect([job, history]).toEqual([job, ['released', 'started', 'succeeded']]);
  });
});

/** The host whose component is being stopped now. */
async function firstStopping(night: Night): Promise<string> {
  let found = '';
  await until('a component is being stopped', () => {
    found = HOSTS.map(({ name }) => name).find(name => marksOf(night.fleet.root(name), 'stop alpha') > 0) ?? '';
    return found !== '';
  });
  return found;
}

const deployedVersion = (night: Night, host: string): string =>
  readlinkSync(night.deployed(host)).replace('releases/', '');
