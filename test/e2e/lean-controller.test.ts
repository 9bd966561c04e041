import { readFileSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { Fleet } from '../support/fleet.ts';

let fleet: Fleet | null = null;
afterEach(async () => {
  await fleet?.stop();
});

it('limits its young generation in the very process that was started, and keeps what Node was given', async () => {
  fleet = await Fleet.start({ nodeOptions: ['--stack-trace-limit=20'] });
  const argv = readFileSync(`/proc/${fleet.controllerPid}/cmdline`, 'utf8').split('\0');
  expect(argv).toEqual(expect.arrayContaining(['--max-semi-space-size=8', '--stack-trace-limit=20', 'controller']));
});
