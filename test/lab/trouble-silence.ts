import { expect, it } from 'vitest';
import { until } from './command.ts';
import type { LabFleet } from './fleet.ts';
import type { Host } from './host.ts';
import { current, histories, NEW, nightPolicy, OLD, patchedOnce, saidBy, slowStop, starts, stops } from './night.ts';

/* Servers of which nothing is heard: scenarios of trouble.lab.ts, on hosts of their own. */

/** As short as it may be. */
export const SILENCE_MS = 30_000;
/** A look at it every second comes on top, on a machine that has much else to do. */
const SILENT_WITHIN_MS = SILENCE_MS + 60_000;
const STOP_SECONDS = 6;

/** What the job may take: a server that boots says nothing for so long. */
const REBOOT_SECONDS = 15;
const REBOOTING = `
    - {id: stage, uses: artifact/stage}
    - {id: stop, uses: service/stop, needs: [stage]}
    - {id: patch, uses: archive/install, needs: [stop]}
    - {id: reboot, uses: system/reboot, with: {when: always}, timeout: ${REBOOT_SECONDS}s}
    - {id: start, uses: service/start}`;
const GONE_FIRST = `[{name: first, when: host.name == "gone"}, {name: rest, needs: [first]}]
  budgets: [{when: run.failed >= 1, then: pause}]`;

/** Begins a run on this host alone and waits until it is in the middle of stopping the component. */
export async function beginAndStop(fleet: LabFleet, host: Host): Promise<string> {
  slowStop(host, STOP_SECONDS);
  const run = await fleet.begin(nightPolicy([host.name]));
  await until(`${host.name} is stopping its component`, () => stops(host) > 0, {
    describe: async () => (await fleet.cliOk('describe', 'run', run)) + (await host.execOk(['journalctl', '-n', '40'])),
  });
  return run;
}

export const silentHosts = {
  names: ['frozen', 'gone', 'spare', 'island'],
  scenarios(fleetOf: () => LabFleet): void {
    const silent = (host: Host) =>
      until(`${host.name} is said to be silent`, async () => (await fleetOf().incidentsOf(host)).length > 0, {
        withinMs: SILENT_WITHIN_MS + REBOOT_SECONDS * 1_000,
        everyMs: 1_000,
      });
    const heard = (host: Host) =>
      until(`${host.name} is heard again`, async () => (await fleetOf().incidentsOf(host)).length === 0, {
        everyMs: 500,
      });

    it('5: says that a frozen host is silent, and does not wait for it for ever', async () => {
      const fleet = fleetOf();
      const host = fleet.host('frozen');
      const run = await beginAndStop(fleet, host);
      host.freeze();
      await silent(host);
      const [incident] = await fleet.incidentsOf(host);
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

    it('21: says which reboot did not come back, goes no further, and goes on when the host is there after all', async () => {
      const fleet = fleetOf();
      const [host, spare] = [fleet.host('gone'), fleet.host('spare')];
      const run = await fleet.begin(nightPolicy(['gone', 'spare'], { steps: REBOOTING, waves: GONE_FIRST }));
      await until('the host has gone down', () => host.endedBoots().length === 1, {
        everyMs: 20,
        describe: () => fleet.cliOk('describe', 'run', run),
      });
      await host.kill();
      expect(await fleet.waitsForPerson(run)).toContain('the run: 1 of 2 hosts failed, 0 may');
      const [incident] = await fleet.incidentsOf(host);
      expect(incident?.title).toMatch(/^reboot gone: gone has not been heard from for \d+ s$/);
      const { actions } = await fleet.cliJson<{ actions: string[] }>('incident', 'show', String(incident?.id));
      expect(actions).toEqual(
        expect.arrayContaining([
          `tidemark run resume ${run} --reason TEXT`,
          `tidemark run stop ${run} --reason TEXT`,
          `tidemark incident resolve ${incident?.id} --reason TEXT`,
        ]),
      );
      expect([current(spare), stops(spare)]).toEqual([OLD, 0]);
      host.boot();
      await heard(host);
      await fleet.cliOk('run', 'resume', run, '--reason', 'gone is back');
      await fleet.succeeds(run);
      for (const each of [host, spare]) await patchedOnce(each);
      // The one that it asked for; it was not asked for again.
      expect(host.endedBoots()).toEqual([133]);
      expect((await histories(fleet, run, host)).get('reboot')).toEqual(['released', 'started', 'succeeded']);
    });

    it('22: delivers what was done in a partition longer than the deadline, and does nothing twice', async () => {
      const fleet = fleetOf();
      const host = fleet.host('island');
      const run = await beginAndStop(fleet, host);
      await host.cut();
      await silent(host);
      expect([current(host), starts(host)]).toEqual([NEW, 2]);
      await host.mend();
      await heard(host);
      await fleet.succeeds(run);
      await patchedOnce(host);
      for (const [job, history] of await histories(fleet, run, host))
        expect([job, history]).toEqual([job, ['released', 'started', 'succeeded']]);
    });
  },
};
