import type { DryRunOf } from '@tidemark/controller/cli/views/dry-run.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aptSource } from './base.ts';
import { LabFleet } from './fleet.ts';
import type { Host } from './host.ts';
import { saidBy } from './night.ts';

const HOSTS = ['one', 'two', 'three'];
const CONFFILE = '/etc/demo-svc/demo.conf';
/** All that dpkg and apt know of what is installed and wanted. */
const PACKAGE_STATE = ['/var/lib/dpkg/status', '/var/lib/apt/extended_states', CONFFILE];

describe('a night with packages of the operating system', () => {
  let fleet: LabFleet;
  /** Beside demo-svc, the same on every host. */
  let pending: string[];

  beforeAll(async () => {
    fleet = await LabFleet.start({ names: HOSTS });
    await fleet.lab.inTurn(async host => {
      await host.execOk(['apt-get', '-qq', 'update']);
      await host.execOk(['apt-get', '-qq', 'install', '-y', 'demo-svc']);
      host.write('/etc/apt/sources.list', aptSource('updates') + aptSource('broken'));
      await host.execOk(['apt-get', '-qq', 'update']);
    });
    await fleet.importLandscape(landscape());
    pending = await pendingUpdates(fleet.host('one'));
    const packages = ['demo-svc=1.1', ...pending].flatMap(each => ['--package', each]);
    await fleet.cliOk('bundle', 'create', 'november', ...packages);
  });

  afterAll(async () => {
    await fleet?.down();
  });

  it('27: a dry run tells what the night will change, from the agents themselves, and changes nothing', async () => {
    const two = fleet.host('two');
    two.write(CONFFILE, 'mine\n');
    await fleet.host('three').execOk(['apt-mark', 'hold', 'demo-svc']);
    const states = () => Promise.all(HOSTS.map(name => fleet.host(name).execOk(['sha256sum', ...PACKAGE_STATE])));
    const before = await states();
    const plan = await fleet.plan(policy('november', ['one', 'two']));
    const [first, second] = await fleet.cliJson<DryRunOf[]>('dry-run', '--plan', plan);
    const told = (first?.result?.changes ?? []).map(({ name, to }) => `${name.split(':')[0]}=${to}`).sort();
    expect(told).toEqual([...pending, 'demo-svc=1.1'].map(each => each.replace(/:\w+=/, '=')).sort());
    expect(first).toMatchObject({
      host: 'one',
      error: null,
      result: { manager: 'apt', refused: [], others: [], conffiles: [] },
    });
    expect(first?.result?.downloadBytes).toBeGreaterThan(1_000_000);
    expect(first?.result?.restarts).toContainEqual({ unit: 'demo-svc.service', byBoot: false });
    expect(first?.result?.restarts).toContainEqual({ unit: 'dbus.service', byBoot: true });
    expect(second).toMatchObject({ host: 'two', result: { conffiles: [{ path: CONFFILE, kept: true }] } });
    // Without a plan: all that the repositories offer, here also the version whose script would fail; what is held stays.
    const offered = await fleet.cliOk('dry-run', 'one', 'three');
    expect(offered).toMatch(/^one: apt would change \d+ packages, fetch .* and unpack /);
    expect(offered).toMatch(/demo-svc +1\.0 +1\.2 /);
    expect(offered.slice(offered.indexOf('three:'))).not.toContain('demo-svc');
    const nobody = await fleet.cli('dry-run', 'nobody');
    expect([nobody.code, nobody.stdout]).toEqual([1, expect.stringContaining('no host nobody is enrolled')]);
    expect(await states()).toEqual(before);
    await fleet.host('three').execOk(['apt-mark', 'unhold', 'demo-svc']);
  });

  it('8: upgrades a service and all real updates that are pending, to the exact versions, on every host', async () => {
    expect(pending.length).toBeGreaterThan(5);
    await fleet.succeeds(await fleet.begin(policy('november', HOSTS)));
    for (const name of HOSTS) {
      const host = fleet.host(name);
      expect(await demoVersion(host)).toBe('1.1 installed');
      // The updates replace what only a boot brings into use, and each boot starts the service.
      expect(host.read('/var/lib/demo-svc/marks')).toMatch(/^start 1\.0\n(start 1\.1\n)+$/);
      expect(await host.execOk(['systemctl', 'is-system-running'])).toBe('running\n');
      expect(await host.execOk(['systemctl', 'is-active', 'demo-svc'])).toBe('active\n');
      expect(await host.execOk(['dpkg', '--audit'])).toBe('');
      expect(await pendingUpdates(host)).toEqual([]);
    }
  });

  it('9: takes a broken package back, with the service running as before, and goes no further', async () => {
    await fleet.cliOk('bundle', 'create', 'december', '--package', 'demo-svc=1.2');
    const end = await fleet.watch(await fleet.begin(policy('december', HOSTS)));
    expect(saidBy(end)).toContain('demo-svc: migration failed');
    expect(end.code).toBe(4);
    for (const name of HOSTS) {
      const host = fleet.host(name);
      expect([name, await demoVersion(host)]).toEqual([name, '1.1 installed']);
      expect(await host.execOk(['systemctl', 'is-active', 'demo-svc'])).toBe('active\n');
      expect(await host.execOk(['dpkg', '--audit'])).toBe('');
    }
    // The first one failed and spent the budget: nobody after it was touched.
    const touched = HOSTS.filter(name => fleet.host(name).read('/var/log/dpkg.log').includes('demo-svc:all 1.1 1.2'));
    expect(touched).toHaveLength(1);
  });
});

/** `name:arch=version` of everything that the repository has newer, but the service itself. */
async function pendingUpdates(host: Host): Promise<string[]> {
  await host.execOk(['apt-get', '-qq', 'update']);
  const simulated = await host.execOk(['apt-get', '-s', 'dist-upgrade']);
  return [...simulated.matchAll(/^Inst (\S+) \[\S+\] \((\S+) .*\[(\w+)\]\)/gm)]
    .map(([, name = '', version = '', arch = '']) => `${name}:${arch}=${version}`)
    .filter(each => !each.startsWith('demo-svc:'));
}

const demoVersion = (host: Host): Promise<string> =>
  host.execOk(['dpkg-query', '-W', '-f', ['$', '{Version} $', '{db:Status-Status}'].join(''), 'demo-svc']);

const landscape = (): string => `apiVersion: tidemark/v1
kind: Landscape
tiers: [app]
hosts:
${HOSTS.map(name => `  - {name: ${name}, application: shop, environment: lab}\n`).join('')}components:
${HOSTS.map(
  name => `  - name: demo
    host: ${name}
    tier: app
    kind: service
    package: demo-svc
    service: {provider: systemd, units: [demo-svc.service]}
`,
).join('')}`;

/** One host after the other; the first failure is the last. */
const policy = (bundle: string, hosts: readonly string[]): string => `apiVersion: tidemark/v1
kind: PatchPolicy
metadata: {name: night-${bundle}, owner: team-shop}
spec:
  select: host.name in ${JSON.stringify(hosts)}
  bundle: {name: ${bundle}}
  window: {duration: 2h, reserve: 5m, timezone: Europe/Berlin}
  tiers: {span: host, order: [{name: app}]}
  waves:
    - {name: first, when: 'host.name == "one"'}
    - {name: rest, needs: [first]}
  budgets:
    - {when: run.failed >= 1, then: stop}
  steps: standard
`;
