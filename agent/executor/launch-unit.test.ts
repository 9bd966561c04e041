import { expect, it } from 'vitest';
import type { StepInput } from '../steps/directory.ts';
import { systemdRunArguments } from './launch-unit.ts';

const input: StepInput = {
  work: 'call',
  call: { kind: 'system/wait', args: { until: 'elapsed', ms: 0 } },
  attempt: null,
  root: '/',
  stateDir: '/s',
  factsDir: '/f',
  timeoutMs: 60_000,
  graceMs: 10_000,
};
const options = {
  unit: 'tidemark-step-0123456789abcdef.service',
  directory: '/s/steps/3-forward-1-aa',
  input,
  command: ['/opt/node', '/opt/agent.mjs'] as const,
};

it('a step is started with its own limit, its own log, and nothing of the agent’s environment', () => {
  expect(systemdRunArguments({ ...options, systemd: 252 })).toEqual([
    '--quiet',
    '--collect',
    '--no-ask-password',
    '--unit=tidemark-step-0123456789abcdef.service',
    '--description=Tidemark step 3-forward-1-aa',
    '--property=KillMode=process',
    '--property=StandardOutput=file:/s/steps/3-forward-1-aa/child.log',
    '--property=StandardError=file:/s/steps/3-forward-1-aa/child.log',
    '--property=WorkingDirectory=/',
    // Timeout, grace, the step's last chance and the executor's: 60 + 10 + 5 + 60 s.
    '--property=RuntimeMaxSec=135',
    '--property=OOMPolicy=continue',
    '--setenv=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    '--setenv=LANG=C.UTF-8',
    '--setenv=MALLOC_ARENA_MAX=1',
    '--',
    '/opt/node',
    '/opt/agent.mjs',
    'step',
    '/s/steps/3-forward-1-aa',
  ]);
});

it('an older systemd is asked for nothing that it does not know', () => {
  expect(systemdRunArguments({ ...options, systemd: 239 }).join(' ')).not.toContain('OOMPolicy');
});

it('systemd puts no variable into a path', () => {
  const words = systemdRunArguments({ ...options, directory: '/s/$HOME/$x', systemd: 252 });
  expect(words.at(-1)).toBe('/s/$$HOME/$$x');
});
