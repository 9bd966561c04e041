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
  ROOMY_DISK,
  saidBy,
  setUpNight,
  slowStop,
  starts,
  stops,
} from './night.ts';

const STOP_SECONDS = 6;
/** Silence is 90 s without a word; a look at it every second comes on top. */
const SILENT_WITHIN_MS = 150_000;

const KILLS = 4;

/** Each scenario has a host of its own, so that all of them happen at the same time. */
const HOSTS = ['cut', 'killed', 'apart', 'frozen', 'full', 'reboots'];

describe.concurrent('a night with trouble', () => {
  let fleet: LabFleet;

  beforeAll(async () => {
    fleet = await LabFleet.start({ names: HOSTS, diskSizes: { full: ROOMY_DISK } });
    await setUpNight(fleet);
  });

  afterAll(async () => {
    await fleet?.down();
  });

  it('2: goes on after a power cut in the middle of a step, and does nothing twice', async () => {
    const host = fleet.host('cut');
    const run = await beginAndStop(host);
    await host.kill();
    await pause(1_000);
    host.boot();
    await fleet.succeeds(run);
    await patchedOnce(host);
  });

  it('3: loses nothing when the agent is killed again and again and systemd starts it again', async () => {
    const host = fleet.host('killed');
    const run = await beginAndStop(host);
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
    const run = await beginAndStop(host);
    await host.cut();
    await until('the host has patched itself', () => current(host) === NEW && starts(host) === 2);
    expect((await runView(run)).state).toBe('running');
    await host.mend();
    await fleet.succeeds(run);
    await patchedOnce(host);
  });

  it('5: says that a frozen host is silent, and does not wait for it for ever', async () => {
    const host = fleet.host('frozen');
    const run = await beginAndStop(host);
    host.freeze();
    await until('there is an incident', async () => (await incidentsOf(host)).length > 0, {
      withinMs: SILENT_WITHIN_MS,
      everyMs: 1_000,
    });
    const [incident] = await incidentsOf(host);
    expect(incident?.title).toContain('frozen has not been heard from for');
    // Nobody knows what it does meanwhile, so a person decides; then the run is over without it.
    await fleet.cliOk('incident', 'resolve', String(incident?.id), '--reason', 'the server is lost');
    const end = await fleet.watch(run);
    expect(saidBy(end)).toMatch(/failed.*0 of 1 hosts/);
    expect(end.code).toBe(4);
    host.thaw();
    await until('the host is connected again', () => fleet.isConnected('frozen'));
    expect(stops(host)).toBe(1);
  });

  it('6: refuses to begin where there is no room, and begins when there is', async () => {
    const host = fleet.host('full');
    await host.execOk(['fallocate', '-l', '700M', '/var/filler']);
    const refused = await fleet.watch(await fleet.begin(nightPolicy(['full'], CAUTIOUS_STEPS)));
    expect(refused.code).toBe(4);
    expect(saidBy(refused)).toMatch(/not enough space: .* free and needs .* missing/);
    expect([current(host), stops(host), await isRunning(host)]).toEqual([OLD, 0, true]);
    await host.execOk(['rm', '/var/filler']);
    await fleet.succeeds(await fleet.begin(nightPolicy(['full'], CAUTIOUS_STEPS)));
    await patchedOnce(host);
  });

  it('7: goes on when the host reboots by itself', async () => {
    const host = fleet.host('reboots');
    const before = await host.bootId();
    const run = await beginAndStop(host);
    await host.exec(['systemctl', 'reboot']);
    await fleet.succeeds(run);
    expect(host.endedBoots()).toEqual([133]);
    expect(await host.bootId()).not.toBe(before);
    await patchedOnce(host);
  });

  /** Begins a run on this host alone and waits until it is in the middle of stopping the component. */
  async function beginAndStop(host: Host): Promise<string> {
    slowStop(host, STOP_SECONDS);
    const run = await fleet.begin(nightPolicy([host.name]));
    await until(`${host.name} is stopping its component`, () => stops(host) > 0, {
      describe: async () =>
        (await fleet.cliOk('describe', 'run', run)) + (await host.execOk(['journalctl', '-n', '40'])),
    });
    return run;
  }

  async function patchedOnce(host: Host): Promise<void> {
    expect({ current: current(host), stops: stops(host), starts: starts(host) }).toEqual({
      current: NEW,
      stops: 1,
      // Once before the night, once in it.
      starts: 2,
    });
    expect(await isRunning(host)).toBe(true);
  }

  const agentProcess = async (host: Host): Promise<string> =>
    (await host.execOk(['systemctl', 'show', '--property=MainPID', '--value', AGENT_UNIT])).trim();

  const runView = (run: string) => fleet.cliJson<{ state: string }>('run', 'show', run);

  const incidentsOf = async (host: Host) => (await fleet.incidents()).filter(incident => incident.host === host.name);
});
