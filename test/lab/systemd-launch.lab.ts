import { launcherConformance } from '@tidemark/agent/executor/launch.conformance.ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Host } from './host.ts';
import { Lab } from './lab.ts';
import { launchOn } from './launch-host.ts';

/* Steps in transient units of a real systemd, by the suite of all launchers. */

let lab: Lab;
let host: Host;

beforeAll(async () => {
  lab = await Lab.start({ names: ['unit01'] });
  host = lab.first;
});

afterAll(async () => {
  await lab?.down();
});

launcherConformance('units of their own', () => launchOn(host));

it('a step whose process breaks is not over before what it had started is', async () => {
  const fixture = await launchOn(host);
  const program = fixture.program(
    'works',
    'setsid sh -c \'echo $$ > "$work/child"; while [ ! -e "$work/go" ]; do sleep 0.05; done\'',
  );
  const call = { kind: 'command/run' as const, args: { command: [program] as [string], expectStatus: [0] } };
  const step = await fixture.launch(call, { timeoutMs: 60_000, graceMs: 1_000 });
  await expect.poll(() => fixture.read('child'), { timeout: 20_000 }).not.toBe('');
  const child = Number(fixture.read('child'));
  await fixture.signal((await step.pid()) ?? 0, 'KILL');
  let over = false;
  void step.over.then(() => {
    over = true;
  });
  // Several looks of the launcher.
  await new Promise(resolve => setTimeout(resolve, 500));
  expect([over, await fixture.isRunning(child)]).toEqual([false, true]);
  fixture.write('go');
  await step.over;
  expect(await fixture.isRunning(child)).toBe(false);
});

it('a step whose process breaks ends with its time, and all that it had started with it', async () => {
  const fixture = await launchOn(host);
  const program = fixture.program('works', 'setsid sh -c \'echo $$ > "$work/child"; while :; do sleep 0.1; done\'');
  const call = { kind: 'command/run' as const, args: { command: [program] as [string], expectStatus: [0] } };
  const step = await fixture.launch(call, { timeoutMs: 2_000, graceMs: 500 });
  await expect.poll(() => fixture.read('child'), { timeout: 20_000 }).not.toBe('');
  const child = Number(fixture.read('child'));
  await fixture.signal((await step.pid()) ?? 0, 'KILL');
  await step.over;
  expect(await step.result()).toBeUndefined();
  await expect.poll(() => fixture.isRunning(child), { timeout: 20_000 }).toBe(false);
});

it('a step that systemd does not take, since it does not answer, is over after the time for its beginning', async () => {
  const fixture = await launchOn(host);
  // Found before the real one.
  host.write('/usr/local/sbin/systemd-run', '#!/bin/sh\ntrap "" TERM\nwhile :; do sleep 0.1; done\n', 0o755);
  try {
    const step = await fixture.launchBroken('/bin/true', 1_000);
    await step.over;
    expect([await step.result(), await step.pid()]).toEqual([undefined, null]);
  } finally {
    await host.execOk(['rm', '/usr/local/sbin/systemd-run']);
  }
});
