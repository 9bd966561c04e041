import { readlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../support/fleet.ts';
import { Night } from '../support/night.ts';

describe('a health check that fails in the first wave', () => {
  let night: Night;

  beforeAll(async () => {
    const [nobody] = await freePorts(1);
    night = await Night.prepare({
      hosts: [
        { name: 'one', product: 'alpha', healthUrl: `http://127.0.0.1:${nobody}/health` },
        { name: 'two', product: 'beta' },
      ],
      waves: [
        '    - {name: canary, when: host.name == "one", maxParallel: 1}',
        '    - {name: rest, maxParallel: 5, needs: [canary]}',
      ].join('\n'),
      extra: '  budgets:\n    - {scope: wave, of: canary, maxFailed: 0, then: stop}',
    });
  });

  afterAll(async () => {
    await night?.stop();
  });

  it('stops the second wave, takes the first host back and says which component failed', async () => {
    const run = await night.begin();
    const end = await night.watch(run);
    expect(end.code).toBe(4);
    const events = await night.events(run);
    expect(events.filter(({ host, event }) => host === 'two' && (event === 'released' || event === 'started'))).toEqual(
      [],
    );
    expect(readlinkSync(night.deployed('two'))).toBe('releases/1.0.0');
    expect(readlinkSync(night.deployed('one'))).toBe('releases/1.0.0');
    const incidents = await night.fleet.cliJson<{ title: string }[]>('get', 'incidents');
    expect(incidents.map(({ title }) => title).join('\n')).toMatch(/alpha on one/);
  });
});
