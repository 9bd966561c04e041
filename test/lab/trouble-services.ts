import { symlinkSync } from 'node:fs';
import { expect, it } from 'vitest';
import { unitProcesses } from './cgroup.ts';
import type { LabFleet } from './fleet.ts';
import type { Host } from './host.ts';
import { current, isRunning, NEW, nightPolicy, OLD, saidBy, starts, stops } from './night.ts';

/* Services that do not stop: scenarios of trouble.lab.ts, on hosts of their own. */

interface Stubborn {
  host: string;
  component: string;
  /** Of its unit. */
  lines: readonly string[];
}

/** systemd ends the one by force after a while, the other one never. */
const IGNORES: Stubborn = {
  host: 'stubborn',
  component: 'mule',
  lines: [`ExecStart=/bin/sh -c 'echo start >>/mule-marks; trap "" TERM; exec sleep infinity'`, 'TimeoutStopSec=12'],
};
const HANGS: Stubborn = {
  host: 'hung',
  component: 'snail',
  lines: [
    `ExecStart=/bin/sh -c 'echo start >>/snail-marks; exec sleep infinity'`,
    'ExecStop=/bin/sleep infinity',
    'TimeoutStopSec=infinity',
  ],
};
const ALL = [IGNORES, HANGS];
const unitOf = ({ component }: Stubborn): string => `${component}.service`;

/** The standard steps, where a stop has two seconds and one attempt. */
const impatient = (host: string, onFailure: string): string =>
  nightPolicy([host], {
    steps: `
    base: standard
    change:
      stop: {with: {wait: 2s}, retries: {max: 0}, onFailure: ${onFailure}}`,
  });

export const stubbornServices = {
  names: ALL.map(({ host }) => host),
  layOut(host: Host): void {
    const found = ALL.find(each => each.host === host.name);
    if (!found) return;
    const file = `/etc/systemd/system/${unitOf(found)}`;
    host.write(file, ['[Service]', ...found.lines, ''].join('\n'));
    symlinkSync(file, host.path(`/etc/systemd/system/multi-user.target.wants/${unitOf(found)}`));
  },
  components: ALL.map(
    each =>
      `{name: ${each.component}, host: ${each.host}, tier: app, kind: service, service: {provider: systemd, units: [${unitOf(each)}]}}`,
  ),
  scenarios(fleetOf: () => LabFleet): void {
    /** As its systemd and its control group have it: active, and nothing of an earlier run is left. */
    async function runsAlone(host: Host, stubborn: Stubborn): Promise<void> {
      expect(await host.execOk(['systemctl', 'show', '--property=ActiveState,LoadState', unitOf(stubborn)])).toBe(
        'LoadState=loaded\nActiveState=active\n',
      );
      const processes = unitProcesses(`${fleetOf().lab.places.cgroup}/${host.name}`, unitOf(stubborn));
      expect(processes.length).toBe(1);
      // At boot, and after it was ended.
      expect(host.read(`/${stubborn.component}-marks`)).toBe('start\nstart\n');
    }

    it('23: names the service that ignores its stop, and brings all up again', async () => {
      const fleet = fleetOf();
      const host = fleet.host(IGNORES.host);
      const run = await fleet.begin(impatient(IGNORES.host, 'undo-host'));
      const end = await fleet.watch(run);
      const failure = (await fleet.events(run, host)).find(({ event }) => event === 'failed');
      expect(failure).toMatchObject({ job: 'stop:mule', direction: 'forward' });
      expect(failure?.message).toMatch(
        /systemctl stop mule\.service was said 2\d{3} ms ago, but it is still not down: mule\.service is deactivating \(stop-sigterm\), with process(es)? \d+ .*systemd ends it by force 12s after/,
      );
      expect([end.code, saidBy(end)]).toEqual([4, expect.stringContaining('stubborn undone')]);
      await runsAlone(host, IGNORES);
      expect([current(host), stops(host), starts(host), await isRunning(host)]).toEqual([OLD, 1, 2, true]);
    });

    it('24: waits for a person where a stop hangs, and goes on once that one has ended it', async () => {
      const fleet = fleetOf();
      const host = fleet.host(HANGS.host);
      const run = await fleet.begin(impatient(HANGS.host, 'hold'));
      await fleet.waitsForPerson(run);
      const [incident, ...more] = await fleet.incidentsOf(host);
      expect([incident?.title, more]).toEqual([
        expect.stringMatching(
          /^stop service snail on hung failed: systemctl stop snail\.service was said 2\d{3} ms ago/,
        ),
        [],
      ]);
      const { actions } = await fleet.cliJson<{ actions: string[] }>('incident', 'show', String(incident?.id));
      expect(actions).toContain(`tidemark run retry ${run} hung stop:snail --reason TEXT --key FILE`);
      await host.execOk(['systemctl', 'kill', '--signal=KILL', unitOf(HANGS)]);
      await fleet.decide('retry', run, HANGS.host, 'stop:snail', 'it was ended by force');
      await fleet.succeeds(run);
      await runsAlone(host, HANGS);
      expect([current(host), stops(host), starts(host), await isRunning(host)]).toEqual([NEW, 1, 2, true]);
    });
  },
};
