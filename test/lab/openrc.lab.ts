import { type ServiceFixture, serviceProviderConformance } from '@tidemark/agent/platform/service.conformance.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from './command.ts';
import type { Host } from './host.ts';
import { Lab } from './lab.ts';
import { serviceBySteps } from './service-steps.ts';

/*
 * Real OpenRC 0.45 runs the scripts. The host was booted by systemd, since Debian's OpenRC is not the one that boots: what
 * its boot would have made in /run is made by hand.
 */

let lab: Lab;
let host: Host;
const WORK = '/var/lib/tm-test';
const SERVICE = { provider: 'sysv', name: 'orders' };

const SCRIPT = `#!/sbin/openrc-run
extra_started_commands="reload"
start() {
  echo start >> ${WORK}/counts
  [ -e ${WORK}/break-start ] && { echo "cannot bind"; return 1; }
  start-stop-daemon --start --background --make-pidfile --pidfile ${WORK}/pid --exec /bin/sleep -- infinity
}
stop() {
  echo stop >> ${WORK}/counts
  [ -e ${WORK}/ignore-stop ] && return 0
  start-stop-daemon --stop --pidfile ${WORK}/pid
}
reload() { echo reload >> ${WORK}/counts; }
status() {
  [ -e ${WORK}/break-status ] && return 4
  [ -e ${WORK}/pid ] && kill -0 "$(cat ${WORK}/pid)" 2>/dev/null && return 0
  [ -e ${WORK}/ignore-stop ] || service_started && return 32
  return 3
}
`;

beforeAll(async () => {
  lab = await Lab.start({ names: ['rc01'], packages: ['openrc'] });
  host = lab.first;
  const states = ['starting', 'started', 'stopping', 'inactive', 'wasinactive', 'failed', 'hotplugged', 'scheduled'];
  const places = [...states, 'exclusive', 'daemons', 'options', 'tmp'].map(each => `/run/openrc/${each}`);
  await host.execOk(['mkdir', '-p', ...places]);
  await host.execOk(['sh', '-c', 'echo default > /run/openrc/softlevel']);
});

afterAll(() => lab?.down());

async function makeFixture(): Promise<ServiceFixture> {
  host.write('/etc/init.d/orders', SCRIPT, 0o755);
  host.write(`${WORK}/counts`, '');
  // As after an installation: else the first call speaks of its cache.
  await host.execOk(['rc-update', '-u']);
  const flag = (name: string) => host.write(`${WORK}/${name}`, '');
  const lines = () => host.read(`${WORK}/counts`).split('\n');
  return {
    provider: serviceBySteps(host, SERVICE),
    isRunning: async () => (await host.exec(['sh', '-c', `kill -0 "$(cat ${WORK}/pid)"`])).code === 0,
    count: what => lines().filter(line => line === what).length,
    breakStart: () => flag('break-start'),
    ignoreStop: () => flag('ignore-stop'),
    breakStatus: () => flag('break-status'),
    async close() {
      await host.exec([
        'sh',
        '-c',
        `kill -9 "$(cat ${WORK}/pid)"; rc-service orders zap; rm -rf ${WORK} /etc/init.d/orders`,
      ]);
    },
  };
}

serviceProviderConformance('OpenRC', makeFixture);

describe('a service of OpenRC', () => {
  it('that has crashed counts as down, and can be started; one that is up is reloaded', async () => {
    const fixture = await makeFixture();
    const { provider } = fixture;
    await provider.start(5_000);
    await host.execOk(['sh', '-c', `kill -9 "$(cat ${WORK}/pid)"`]);
    // The killed process may be there for another moment.
    const status = async () => (await host.exec(['rc-service', 'orders', 'status'])).code;
    await until('the service counts as crashed', async () => (await status()) === 32);
    expect(await provider.status()).toBe('down');
    expect(await provider.start(5_000)).toMatchObject({ changed: true });
    expect(await fixture.isRunning()).toBe(true);
    expect(await provider.reload(5_000)).toMatchObject({ changed: true });
    expect(host.read(`${WORK}/counts`)).toContain('reload');
    await fixture.close();
  });
});
