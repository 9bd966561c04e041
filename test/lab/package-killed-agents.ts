import { expect, it } from 'vitest';
import { AGENT_STATE, AGENT_UNIT } from './agent.ts';
import { until } from './command.ts';
import type { LabFleet } from './fleet.ts';
import type { Host } from './host.ts';
import { condition, counted, fails, type Part, packagePolicy, storyOf, well } from './package-host.ts';

/*
 * The agent killed, with all of its processes but the step's own, at the moments of an upgrade at which a real package
 * manager makes a difference. The first five find their moment by hooks of systemd-run, apt and dpkg on the host itself,
 * so that it is the same on a slow and on a quick machine.
 */

/** Name of the host and of the moment. */
const MOMENTS = {
  /** INTENT is written; the step's unit has not been asked for. */
  intent: 'at-intent',
  /** systemd has the unit; whether its process has come to its first line is open. */
  given: 'at-given',
  /** The child runs and is about to start dpkg. */
  child: 'at-child',
  /** dpkg has unpacked the package and not configured it. */
  dpkg: 'at-dpkg',
  /** dpkg is done; the child has not written how it went. */
  done: 'at-done',
} as const;
/** RESULT is in the journal and could not be reported. */
const UNREPORTED = 'at-result';
/** The upgrade failed, and dpkg is about to bring the old version back. */
const UNDOING = 'at-undo';

const ARMED = '/var/lib/lab-moment';
const KILLED = '/var/lib/lab-killed';
const MOMENT = '/usr/local/sbin/lab-moment';

/** `lab-moment NAME`: kills the agent where this moment is armed, the so-manieth time that it comes. */
const MOMENT_SCRIPT = `#!/bin/sh
[ "$(cut -d' ' -f1 ${ARMED} 2>/dev/null)" = "$1" ] || exit 0
left=$(cut -d' ' -f2 ${ARMED})
if [ "$left" -gt 1 ]; then echo "$1 $((left - 1))" >${ARMED}; exit 0; fi
rm ${ARMED}
echo "$1" >>${KILLED}
exec systemctl kill --kill-who=all --signal=KILL ${AGENT_UNIT}
`;

/** Before the real one on the agent's path. Its last argument is the step's directory. */
const SYSTEMD_RUN = `#!/bin/sh
for directory; do :; done
grep -q package/upgrade "$directory/call.json" || exec /usr/bin/systemd-run "$@"
grep -qs intent ${ARMED} && { ${MOMENT} intent; sleep 60; }
/usr/bin/systemd-run "$@"
status=$?
${MOMENT} given
exit $status
`;

const DPKG_STATUS = `#!/bin/sh
while read -r line; do case $line in "status: demo-svc: unpacked") ${MOMENT} dpkg ;; esac; done
`;

const arm = (host: Host, moment: string, times = 1): void => host.write(ARMED, `${moment} ${times}\n`);

export const killedAgents: Part = {
  names: [...Object.values(MOMENTS), UNREPORTED, UNDOING],

  layOut(host) {
    if (!killedAgents.names.includes(host.name)) return;
    host.write(MOMENT, MOMENT_SCRIPT, 0o755);
    host.write('/usr/local/sbin/systemd-run', SYSTEMD_RUN, 0o755);
    host.write('/usr/local/sbin/lab-dpkg-status', DPKG_STATUS, 0o755);
    host.write(
      '/etc/apt/apt.conf.d/99lab',
      `DPkg::Pre-Invoke {"${MOMENT} child";};\nDPkg::Post-Invoke {"${MOMENT} done";};\n`,
    );
    host.write('/etc/dpkg/dpkg.cfg.d/lab', 'status-logger=/usr/local/sbin/lab-dpkg-status\n');
  },

  async setUp(fleet) {
    await fleet.cliOk('bundle', 'create', 'moments', '--package', 'demo-svc=1.1');
    await fleet.cliOk('bundle', 'create', 'moment-undone', '--package', 'demo-svc=1.2');
  },

  scenarios(fleetOf: () => LabFleet): void {
    it('20: the agent is killed at each moment of a real upgrade, which is done once and told once', async () => {
      const fleet = fleetOf();
      for (const [moment, name] of Object.entries(MOMENTS)) arm(fleet.host(name), moment);
      const names = [...Object.values(MOMENTS), UNREPORTED];
      const run = await fleet.begin(packagePolicy('moments', names));
      const killed = killUnreported(fleet.host(UNREPORTED));
      await fleet.succeeds(run);
      await killed;
      for (const name of names) {
        const host = fleet.host(name);
        expect([name, host.exists(KILLED)]).toEqual([name, true]);
        const events = await fleet.events(run, host);
        expect([name, ...storyOf(events, 'upgrade')]).toEqual([name, 'started 1', 'succeeded 1']);
        expect([name, counted(host, / upgrade demo-svc:all 1\.0 1\.1$/)]).toEqual([name, 1]);
        expect([name, await condition(host)]).toEqual([name, well('1.1')]);
      }
    });

    it('20: the agent is killed while an upgrade is taken back, which is done once', async () => {
      const fleet = fleetOf();
      const host = fleet.host(UNDOING);
      // The upgrade calls dpkg once, its undo is the second.
      arm(host, 'child', 2);
      const run = await fleet.begin(packagePolicy('moment-undone', [UNDOING]));
      expect(await fails(fleet, run)).toContain(`${UNDOING} undone`);
      expect(host.read(KILLED)).toBe('child\n');
      const events = await fleet.events(run, host);
      expect(storyOf(events, 'upgrade')).toEqual(['started 1', 'failed 1']);
      expect(storyOf(events, 'upgrade', 'undo')).toEqual(['started 1', 'succeeded 1']);
      expect(counted(host, / upgrade demo-svc:all 1\.2 1\.0$/)).toBe(1);
      expect(await condition(host)).toEqual(well('1.0'));
    });
  },
};

/** Cuts the network once the upgrade runs, waits until the agent has gone on after it, and kills it. */
async function killUnreported(host: Host): Promise<void> {
  const steps = async () => (await host.exec(['sh', '-c', `cat ${AGENT_STATE}/steps/*/call.json`])).stdout;
  const isUpgrading = async () => (await steps()).includes('"package/upgrade"');
  await until(`${host.name} upgrades`, isUpgrading, { everyMs: 50 });
  await host.cut();
  await until(
    `${host.name} has upgraded`,
    async () => counted(host, / status installed demo-svc:all 1\.1$/) > 0 && !(await isUpgrading()),
  );
  await host.execOk(['systemctl', 'kill', '--kill-who=all', '--signal=KILL', AGENT_UNIT]);
  host.write(KILLED, 'result\n');
  await host.mend();
}
