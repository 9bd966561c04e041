import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AGENT_UNIT } from './agent.ts';
import { pause, until } from './command.ts';
import { LabFleet } from './fleet.ts';
import type { Host } from './host.ts';
import {
  CAUTIOUS_STEPS,
  current,
  histories,
  isRunning,
  NEW,
  nightPolicy,
  OLD,
  patchedOnce,
  ROOMY_DISK,
  saidBy,
  setUpNight,
  starts,
  stops,
} from './night.ts';
import { stubbornServices } from './trouble-services.ts';
import { beginAndStop, SILENCE_MS, silentHosts } from './trouble-silence.ts';

const KILLS = 4;

/** Each scenario has hosts of its own, so that all of them happen at the same time. */
const HOSTS = ['cut', 'killed', 'apart', 'full', 'reboots'];

describe.concurrent('a night with trouble', () => {
  let fleet: LabFleet;

  beforeAll(async () => {
    fleet = await LabFleet.start({
      names: [...HOSTS, ...silentHosts.names, ...stubbornServices.names],
      diskSizes: { full: ROOMY_DISK },
      layOut: stubbornServices.layOut,
      controller: { silenceMs: SILENCE_MS },
    });
    await setUpNight(fleet, stubbornServices.components);
  });

  afterAll(async () => {
    await fleet?.down();
  });

  it('2: goes on after a power cut in the middle of a step, and does nothing twice', async () => {
    const host = fleet.host('cut');
    const run = await beginAndStop(fleet, host);
    await host.kill();
    await pause(1_000);
    host.boot();
    await fleet.succeeds(run);
    await patchedOnce(host);
  });

  it('3: loses nothing when the agent is killed again and again and systemd starts it again', async () => {
    const host = fleet.host('killed');
    const run = await beginAndStop(fleet, host);
    for (let kills = 0; kills < KILLS; kills++) {
      const killed = await agentProcess(host);
      await host.execOk(['kill', '-KILL', killed]);
      await until('systemd has started another agent', async () => !['0', killed].includes(await agentProcess(host)));
      await pause(randomInt(0, 1_500));
    }
    await fleet.succeeds(run);
    await patchedOnce(host);
    for (const [job, history] of await histories(fleet, run, host))
      expect([job, history]).toEqual([job, ['released', 'started', 'succeeded']]);
  });

  it('4: finishes what was released while it is cut off, and tells it afterwards', async () => {
    const host = fleet.host('apart');
    const run = await beginAndStop(fleet, host);
    await host.cut();
    await until('the host has patched itself', () => current(host) === NEW && starts(host) === 2);
    expect((await runView(run)).state).toBe('running');
    await host.mend();
    await fleet.succeeds(run);
    await patchedOnce(host);
  });

  silentHosts.scenarios(() => fleet);
  stubbornServices.scenarios(() => fleet);

  it('6: refuses to begin where there is no room, and begins when there is', async () => {
    const host = fleet.host('full');
    await host.execOk(['fallocate', '-l', '700M', '/var/filler']);
    const refused = await fleet.watch(await fleet.begin(nightPolicy(['full'], { steps: CAUTIOUS_STEPS })));
    expect(refused.code).toBe(4);
    expect(saidBy(refused)).toMatch(/not enough space: .* free and needs .* missing/);
    expect([current(host), stops(host), await isRunning(host)]).toEqual([OLD, 0, true]);
    await host.execOk(['rm', '/var/filler']);
    await fleet.succeeds(await fleet.begin(nightPolicy(['full'], { steps: CAUTIOUS_STEPS })));
    await patchedOnce(host);
  });

  it('7: goes on when the host reboots by itself', async () => {
    const host = fleet.host('reboots');
    const before = await host.bootId();
    const run = await beginAndStop(fleet, host);
    await host.exec(['systemctl', 'reboot']);
    await fleet.succeeds(run);
    expect(host.endedBoots()).toEqual([133]);
    expect(await host.bootId()).not.toBe(before);
    await patchedOnce(host);
  });

  const agentProcess = async (host: Host): Promise<string> =>
    (await host.execOk(['systemctl', 'show', '--property=MainPID', '--value', AGENT_UNIT])).trim();

  const runView = (run: string) => fleet.cliJson<{ state: string }>('run', 'show', run);
});
