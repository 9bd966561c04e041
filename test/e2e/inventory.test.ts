import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../support/fleet.ts';
import { Night } from '../support/night.ts';

/* A real agent tells a real controller what changes on its server. */

let night: Night;
beforeAll(async () => {
  night = await Night.prepare({ hosts: [{ name: 'one', product: 'alpha' }], waves: '    - {name: all}' });
});
afterAll(async () => {
  await night?.stop();
});

it('what changed on a server is told with its time, and nothing where nothing did', async () => {
  const { fleet } = night;
  const probe = (role: string) => {
    const directory = join(fleet.root('one'), 'etc/tidemark/facts.d');
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'pair.sh'), `#!/bin/sh\necho '{"role":"${role}"}'\n`, { mode: 0o755 });
  };
  const roleTold = async () => {
    const { facts } = await fleet.cliJson<{ facts: Record<string, { role?: string }> | null }>(
      'describe',
      'host',
      'one',
    );
    return facts?.['pair']?.role;
  };
  /** The agent looks around when it starts. */
  const lookAgain = async () => {
    await fleet.killAgent('one');
    fleet.startAgent('one');
  };
  probe('standby');
  await lookAgain();
  await until('the first role is known', async () => (await roleTold()) === 'standby');
  const before = new Date().toISOString();
  probe('active');
  await lookAgain();
  await until('the second role is known', async () => (await roleTold()) === 'active');
  const changes = await fleet.cliJson<{ kind: string; subject: string; from: string; to: string }[]>(
    ...['get', 'changes', 'one', '--since', before],
  );
  expect(changes.filter(({ kind }) => kind === 'pair')).toEqual([
    expect.objectContaining({ kind: 'pair', subject: 'role', from: 'standby', to: 'active' }),
  ]);
  // Not the operating system, nor the packages: those are as they were.
  expect(changes.map(({ kind }) => kind)).not.toContain('os');
  expect(changes.map(({ kind }) => kind)).not.toContain('packages');
});
