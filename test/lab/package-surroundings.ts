import { expect, it } from 'vitest';
import { AGENT_STATE } from './agent.ts';
import { until } from './command.ts';
import type { LabFleet } from './fleet.ts';
import {
  asPackages,
  condition,
  counted,
  fails,
  lastWord,
  type Part,
  packagePolicy,
  pendingUpdates,
  storyOf,
  well,
} from './package-host.ts';

/* What packages meet on a server: edited configuration, another package manager, processes that run what is replaced. */

const HOST = { conffile: 'conffile', locked: 'locked', loaded: 'loaded' };
const CONF = '/etc/demo-svc/demo.conf';
const MINE = 'port=9000\n';
const MARKS = '/var/lib/demo-svc/marks';
/** The other apt goes on once this is there. */
const GO = '/var/go';

export const surroundings: Part & { components: readonly string[] } = {
  names: Object.values(HOST),
  components: [
    `{name: web, host: ${HOST.loaded}, tier: app, kind: web server, package: nginx-light, service: {provider: systemd, units: [nginx.service]}}`,
  ],

  layOut(host) {
    if (host.name === HOST.conffile) host.write(CONF, MINE);
  },

  async setUp(fleet) {
    await fleet.cliOk('bundle', 'create', 'november', '--package', 'demo-svc=1.1');
    await fleet.cliOk('bundle', 'create', 'fixed', '--package', 'demo-svc=1.2');
    const updates = await pendingUpdates(fleet.host(HOST.loaded));
    const of = (...names: string[]) => asPackages([...updates].filter(([name]) => names.includes(name)));
    await fleet.cliOk('bundle', 'create', 'openssl', ...of('libssl3', 'openssl'));
    await fleet.cliOk('bundle', 'create', 'parser', ...of('libexpat1'));
  },

  scenarios(fleetOf: () => LabFleet): void {
    it("14: keeps an edited conffile and says where the package's own lies; replaces it where the policy says so", async () => {
      const fleet = fleetOf();
      const host = fleet.host(HOST.conffile);
      const kept = await fleet.begin(packagePolicy('november', [host.name]));
      await fleet.succeeds(kept);
      expect(lastWord(await fleet.events(kept, host), 'upgrade')).toBe(
        `demo-svc 1.0 -> 1.1; ${CONF} was changed on this server and stays; the package's is ${CONF}.dpkg-dist`,
      );
      expect(host.read(CONF)).toBe(MINE);
      expect(host.read(`${CONF}.dpkg-dist`)).toContain('version_in_conf=1.1');
      expect(await condition(host)).toEqual(well('1.1'));

      host.write('/etc/demo-svc/fixed', '');
      const replaced = await fleet.begin(
        packagePolicy('fixed', [host.name], ['upgrade: {with: {conffiles: replace}}']),
      );
      await fleet.succeeds(replaced);
      expect(lastWord(await fleet.events(replaced, host), 'upgrade')).toBe(
        `demo-svc 1.1 -> 1.2; ${CONF} is the package's now; the one before is ${CONF}.dpkg-old`,
      );
      expect(host.read(CONF)).toContain('version_in_conf=1.2');
      expect(host.read(`${CONF}.dpkg-old`)).toBe(MINE);
      expect(await condition(host)).toEqual(well('1.2'));
    });

    it("15: names who has dpkg's lock and changes nothing; waits for it where there is time", async () => {
      const fleet = fleetOf();
      const host = fleet.host(HOST.locked);
      await host.execOk(['apt-get', '-qq', 'update']);
      const wait = `DPkg::Pre-Invoke::=while [ ! -e ${GO} ]; do sleep 0.2; done`;
      const other = host.exec(['apt-get', '-q', 'install', '-y', '--reinstall', 'demo-svc=1.0', '-o', wait]);
      await until('the other apt has the lock', async () => {
        return (await host.exec(['fuser', '/var/lib/dpkg/lock-frontend'])).code === 0;
      });
      // Found out before anything stops.
      const refused = await fleet.begin(packagePolicy('november', [host.name], ['fetch: {with: {lockWait: 1s}}']));
      await fails(fleet, refused);
      const failure = (await fleet.events(refused, host)).find(({ event }) => event === 'failed');
      expect(failure?.message).toMatch(
        /^apt-get \(process \d+\) works with the packages and has \/var\/lib\/dpkg\/lock-frontend, and still after \d+ s; nothing was changed/,
      );
      expect(await condition(host)).toEqual(well('1.0'));
      expect([counted(host, / upgrade demo-svc/), host.read(MARKS)]).toEqual([0, 'start 1.0\n']);

      const patient = await fleet.begin(packagePolicy('november', [host.name]));
      const written = async () => (await host.exec(['sh', '-c', `cat ${AGENT_STATE}/steps/*/output.*`])).stdout;
      await until('it waits for the lock', async () => (await written()).includes('waiting for apt-get (process'), {
        describe: () => fleet.cliOk('describe', 'run', patient),
      });
      host.write(GO, '');
      await fleet.succeeds(patient);
      expect((await other).code).toBe(0);
      expect(await fleet.cliOk('run', 'output', patient, host.name, 'fetch')).toContain('waiting for apt-get (process');
      const events = await fleet.events(patient, host);
      for (const job of ['fetch', 'upgrade']) expect(storyOf(events, job)).toEqual(['started 1', 'succeeded 1']);
      expect(await condition(host)).toEqual(well('1.1'));
    });

    it('19: says what still runs the old libssl, restarts the components of it, and is clean after the boot that it needs', async () => {
      const fleet = fleetOf();
      const host = fleet.host(HOST.loaded);
      const stale = await fleet.begin(packagePolicy('openssl', [host.name], ['reboot: {skip: true}']));
      await fleet.succeeds(stale);
      const events = await fleet.events(stale, host);
      expect(storyOf(events, 'loaded')).toEqual(['started 1', 'failed 1']);
      const said = lastWord(events, 'loaded');
      expect(said).toMatch(
        /still run code of replaced files: .*systemd-journald\.service \(systemd-journal \d+\): \S*libcrypto\.so\.3/,
      );
      // Stopped and started around the upgrade, as components of the host are.
      expect(said).not.toContain('nginx');
      expect(await mapsReplaced(host)).toContain('systemd-journal');

      const booted = await fleet.begin(packagePolicy('parser', [host.name]));
      await fleet.succeeds(booted);
      const after = await fleet.events(booted, host);
      expect(lastWord(after, 'reboot')).toMatch(/^rebooted in .*; needs no reboot any more$/);
      expect(lastWord(after, 'loaded')).toBe('no process runs code of a replaced file');
      expect(await mapsReplaced(host)).toEqual([]);
    });
  },
};

/** From outside: names of the host's processes that map a file of a library that has been deleted. */
async function mapsReplaced(host: { execOk(argv: readonly string[]): Promise<string> }): Promise<string[]> {
  const look = 'grep -l "lib.*so.*(deleted)" /proc/[0-9]*/maps 2>/dev/null | cut -d/ -f3 | xargs -r ps -o comm= -p';
  return (await host.execOk(['sh', '-c', `${look} || true`])).split('\n').filter(Boolean);
}
