import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aptSource } from './base.ts';
import { REPOSITORY_FILES, rpmSource } from './families.ts';
import { LabFleet } from './fleet.ts';
import type { Host } from './host.ts';
import { saidBy } from './night.ts';

/* One night over servers of two families of packages: one bundle, and each gets its own. */

const HOSTS = ['deb', 'rpm'];

describe('a night with packages of two families', () => {
  let fleet: LabFleet;

  beforeAll(async () => {
    fleet = await LabFleet.start({ names: HOSTS, familyOf: { rpm: 'rpm' } });
    const [deb, rpm] = [fleet.host('deb'), fleet.host('rpm')];
    await deb.execOk(['apt-get', '-qq', 'update']);
    await deb.execOk(['apt-get', '-qq', 'install', '-y', 'demo-svc']);
    await rpm.execOk(['dnf', '-y', '-q', 'install', 'demo-svc']);
    deb.write('/etc/apt/sources.list', aptSource('updates') + aptSource('broken'));
    rpm.write(REPOSITORY_FILES.rpm, rpmSource('broken'));
    await fleet.importLandscape(landscape());
  });
  afterAll(() => fleet?.down());

  it('brings each server the package of its family, in exactly the version of the bundle', async () => {
    const packages = ['demo-svc=1.1', 'rpm/demo-svc=1.1-1'].flatMap(each => ['--package', each]);
    await fleet.cliOk('bundle', 'create', 'november', ...packages);
    await fleet.succeeds(await fleet.begin(policy('november')));
    expect(await versions(fleet)).toEqual(['1.1 installed', '1.1-1']);
    for (const name of HOSTS) await runsSince(fleet.host(name), '1.1');
  });

  it('takes a broken package of rpm back, with the service running as before, and leaves the others alone', async () => {
    await fleet.cliOk('bundle', 'create', 'december', '--package', 'rpm/demo-svc=1.2-1');
    const end = await fleet.watch(await fleet.begin(policy('december')));
    expect(saidBy(end)).toContain('demo-svc: migration failed');
    expect(end.code).toBe(4);
    expect(await versions(fleet)).toEqual(['1.1 installed', '1.1-1']);
    await runsSince(fleet.host('rpm'), '1.1');
    expect(fleet.host('rpm').exists('/var/lib/tidemark-agent/unsettled-packages.json')).toBe(false);
  });
});

async function versions(fleet: LabFleet): Promise<string[]> {
  const format = ['$', '{Version} $', '{db:Status-Status}'].join('');
  return [
    await fleet.host('deb').execOk(['dpkg-query', '-W', '-f', format, 'demo-svc']),
    await fleet.host('rpm').execOk(['rpm', '-q', '--qf', '%{VERSION}-%{RELEASE}', 'demo-svc']),
  ];
}

/** The last start was of this version, and it runs. */
async function runsSince(host: Host, version: string): Promise<void> {
  expect([host.name, host.read('/var/lib/demo-svc/marks').trim().split('\n').at(-1)]).toEqual([
    host.name,
    `start ${version}`,
  ]);
  expect(await host.execOk(['systemctl', 'is-active', 'demo-svc'])).toBe('active\n');
}

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

const policy = (bundle: string): string => `apiVersion: tidemark/v1
kind: PatchPolicy
metadata: {name: night-${bundle}, owner: team-shop}
spec:
  select: host.application == "shop"
  bundle: {name: ${bundle}}
  window: {duration: 2h, reserve: 5m, timezone: Europe/Berlin}
  tiers: {span: host, order: [{name: app}]}
  waves:
    - {name: all}
  budgets:
    - {when: run.failed >= 1, then: stop}
  steps: standard
`;
