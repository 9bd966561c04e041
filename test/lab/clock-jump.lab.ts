import { renameSync } from 'node:fs';
import type { LauncherFixture } from '@tidemark/agent/executor/launch.conformance.ts';
import type { Call } from '@tidemark/shared/orders/step-kinds.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AGENT_HOME } from './agent.ts';
import type { Host } from './host.ts';
import { Lab } from './lab.ts';
import { launchOn } from './launch-host.ts';

/*
 * The wall clock is set in the middle of a step: for its own process, in its unit, and for the executor that watches it. The
 * kernel's clock is the machine's, so libfaketime answers those two when they ask for the time of day, and leaves every other
 * clock as it is. What an executor makes of windows then is in test/contract/executor-clock.test.ts.
 */

const OFFSET = '/etc/lab-clock';
const FAKED = {
  LD_PRELOAD: '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1',
  FAKETIME_TIMESTAMP_FILE: OFFSET,
  FAKETIME_NO_CACHE: '1',
  FAKETIME_DONT_FAKE_MONOTONIC: '1',
};
const DAY_S = 86_400;

let lab: Lab;
let host: Host;
let fixture: LauncherFixture;

beforeAll(async () => {
  lab = await Lab.start({
    names: ['clock01'],
    packages: ['libfaketime'],
    layOut: on => {
      on.write(OFFSET, '+0');
      const variables = Object.entries(FAKED).map(([name, value]) => `${name}=${value}`);
      on.write('/etc/systemd/system.conf.d/clock.conf', `[Manager]\nDefaultEnvironment=${variables.join(' ')}\n`);
    },
  });
  host = lab.first;
});
beforeEach(async () => {
  setClock(0);
  fixture = await launchOn(host, FAKED);
});
afterAll(() => lab?.down());

function setClock(aheadS: number): void {
  host.write(`${OFFSET}.new`, `${aheadS < 0 ? '' : '+'}${aheadS}`);
  renameSync(host.path(`${OFFSET}.new`), host.path(OFFSET));
}

const command = (program: string): Call => ({ kind: 'command/run', args: { command: [program], expectStatus: [0] } });
const since = (begun: number) => performance.now() - begun;

describe.each([
  ['forward', DAY_S],
  ['back', -DAY_S],
])('in the middle of a step the clock is set a day %s: the step', (_way, aheadS) => {
  it('has its time and no more than that', async () => {
    const hang = fixture.program('hang', 'echo > "$work/begun"', 'while :; do sleep 0.1; done');
    const begun = performance.now();
    const step = await fixture.launch(command(hang), { timeoutMs: 6_000, graceMs: 500 });
    await expect.poll(() => fixture.read('begun'), { timeout: 20_000 }).not.toBe('');
    setClock(aheadS);
    await step.over;
    expect(await step.result()).toMatchObject({ outcome: 'failed', timedOut: true });
    expect(since(begun)).toBeGreaterThan(6_000);
    expect(since(begun)).toBeLessThan(60_000);
  });

  it('that needs longer than the jump is from its limit is not ended for it', async () => {
    const slow = fixture.program('slow', 'echo > "$work/begun"', 'while [ ! -e "$work/go" ]; do sleep 0.1; done');
    const step = await fixture.launch(command(slow), { timeoutMs: 60_000, graceMs: 500 });
    await expect.poll(() => fixture.read('begun'), { timeout: 20_000 }).not.toBe('');
    setClock(aheadS);
    await new Promise(resolve => setTimeout(resolve, 3_000));
    fixture.write('go');
    await step.over;
    expect(await step.result()).toMatchObject({ outcome: 'succeeded', timedOut: false });
  });

  it('that waits waits as long as it is told', async () => {
    const begun = performance.now();
    const step = await fixture.launch(
      { kind: 'system/wait', args: { until: 'elapsed', ms: 5_000 } },
      { timeoutMs: 60_000, graceMs: 500 },
    );
    await expect.poll(() => step.pid(), { timeout: 20_000 }).not.toBe(null);
    setClock(aheadS);
    await step.over;
    expect(await step.result()).toMatchObject({ outcome: 'succeeded' });
    expect(since(begun)).toBeGreaterThan(5_000);
    expect(since(begun)).toBeLessThan(60_000);
  });

  it('that looks again and again gives up when its time is over', async () => {
    const no = fixture.program('no', 'echo x >> "$work/looks"; exit 1');
    const args = { command: [no] as [string], expectStatus: [0], expectText: null, withinMs: 5_000 };
    const begun = performance.now();
    const step = await fixture.launch({ kind: 'check/command', args }, { timeoutMs: 120_000, graceMs: 500 });
    await expect.poll(() => fixture.read('looks'), { timeout: 20_000 }).not.toBe('');
    setClock(aheadS);
    await step.over;
    expect(await step.result()).toMatchObject({ outcome: 'failed', timedOut: false });
    expect(since(begun)).toBeGreaterThan(4_000);
    expect(since(begun)).toBeLessThan(60_000);
  });
});

it('the clock that is set is the one of steps and their executor', async () => {
  const says = 'console.log(Math.round(Date.now() / 1000), Math.round(performance.now()) < 60_000)';
  const inUnit = async () => {
    const [seconds, early] = (
      await host.execOk(['systemd-run', '-q', '--pipe', '--wait', `${AGENT_HOME}/bin/node`, '-e', says])
    ).split(' ');
    const days = Math.round((Number(seconds) - Date.now() / 1000) / DAY_S);
    return [days || 0, early?.trim()];
  };
  for (const days of [0, 1, -1]) {
    setClock(days * DAY_S);
    expect(await inUnit()).toEqual([days, 'true']);
  }
});
