import { type ServiceFixture, serviceProviderConformance } from '@tidemark/agent/platform/service.conformance.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runStep, type StepEnd } from './agent.ts';
import { until } from './command.ts';
import type { Host } from './host.ts';
import { Lab } from './lab.ts';
import { serviceBySteps } from './service-steps.ts';

/* Components that a real systemd runs. Providers are used as orders use them: by steps. */

let lab: Lab;
let host: Host;

beforeAll(async () => {
  lab = await Lab.start({ names: ['sys01'] });
  host = lab.first;
});

afterAll(async () => {
  await lab?.down();
});

const WORK = '/var/lib/tm-test';

/** A daemon that counts its starts and stops, and does what files beside it tell it. */
const DAEMON = `#!/bin/sh
echo start >> ${WORK}/counts
[ -e ${WORK}/break-start ] && { echo "cannot bind"; exit 1; }
stop() { echo stop >> ${WORK}/counts; exit 0; }
trap stop TERM
[ -e ${WORK}/ignore-stop ] && trap "" TERM
echo $$ > ${WORK}/pid
while :; do [ -e ${WORK}/ignore-stop ] && trap "" TERM; sleep 0.05; done
`;

const unitText = (lines: readonly string[]) => ['[Service]', ...lines, ''].join('\n');

async function writeUnit(name: string, ...lines: string[]): Promise<void> {
  host.write(`/etc/systemd/system/${name}`, unitText(lines));
  await host.execOk(['systemctl', 'daemon-reload']);
}

async function removeUnits(...names: string[]): Promise<void> {
  await host.exec(['systemctl', 'kill', '--signal=KILL', ...names]);
  await host.exec(['systemctl', 'stop', ...names]);
  await host.exec(['sh', '-c', `rm -rf ${names.map(name => `/etc/systemd/system/${name}`).join(' ')} ${WORK}`]);
  await host.execOk(['systemctl', 'daemon-reload']);
  await host.exec(['systemctl', 'reset-failed', ...names]);
}

type Service = Record<string, unknown>;
const systemd = (...units: string[]): Service => ({ provider: 'systemd', units });
const step = (kind: string, service: Service, more: Record<string, unknown> = {}): Promise<StepEnd> =>
  runStep(host, { kind: `service/${kind}`, args: { component: 'c', service, ...more } });

async function makeFixture(): Promise<ServiceFixture> {
  host.write(`${WORK}/daemon`, DAEMON, 0o755);
  await writeUnit('orders.service', `ExecStart=${WORK}/daemon`);
  const flag = (name: string) => host.write(`${WORK}/${name}`, '');
  const lines = () => (host.exists(`${WORK}/counts`) ? host.read(`${WORK}/counts`).split('\n') : []);
  return {
    provider: serviceBySteps(host, systemd('orders.service')),
    isRunning: async () => (await host.exec(['sh', '-c', `kill -0 "$(cat ${WORK}/pid)"`])).code === 0,
    count: what => lines().filter(line => line === what).length,
    breakStart: () => flag('break-start'),
    ignoreStop: async () => {
      flag('ignore-stop');
      await new Promise(resolve => setTimeout(resolve, 300));
    },
    async breakStatus() {
      await host.execOk(['rm', '/etc/systemd/system/orders.service']);
      await host.execOk(['systemctl', 'daemon-reload']);
    },
    close: () => removeUnits('orders.service'),
  };
}

serviceProviderConformance('systemd', makeFixture);

describe('units', () => {
  const state = async (unit: string) => (await host.exec(['systemctl', 'is-active', unit])).stdout.trim();

  it('of one component start in their order and stop the other way round', async () => {
    const counts = `${WORK}/counts`;
    host.write(counts, '');
    for (const name of ['one', 'two']) {
      const say = (what: string) => `/bin/sh -c "echo ${what} ${name} >> ${counts}"`;
      await writeUnit(
        `${name}.service`,
        `ExecStartPre=${say('start')}`,
        'ExecStart=/bin/sleep infinity',
        `ExecStopPost=${say('stop')}`,
      );
    }
    const service = systemd('one.service', 'two.service');
    expect(await step('start', service, { waitMs: 5_000 })).toMatchObject({
      outcome: 'succeeded',
      facts: { changed: true },
    });
    await host.execOk(['systemctl', 'stop', 'two.service']);
    const mixed = await step('status', service, { expect: 'up' });
    expect(mixed.message).toMatch(
      /neither up nor down: one.service is active \(running\); two.service is inactive \(dead\)/,
    );
    await step('start', service, { waitMs: 5_000 });
    expect(await step('stop', service, { waitMs: 5_000 })).toMatchObject({ outcome: 'succeeded' });
    expect(host.read(counts)).toBe('start one\nstart two\nstop two\nstart two\nstop two\nstop one\n');
    await removeUnits('one.service', 'two.service');
  });

  it('that say when they are ready are waited for', async () => {
    await writeUnit(
      'ready.service',
      'Type=notify',
      'NotifyAccess=all',
      'ExecStart=/bin/sh -c "sleep 1; systemd-notify --ready; exec sleep infinity"',
    );
    const end = await step('start', systemd('ready.service'), { waitMs: 10_000 });
    expect(end).toMatchObject({ outcome: 'succeeded' });
    expect(end.facts?.['tookMs']).toBeGreaterThan(900);
    const late = await step('restart', systemd('ready.service'), { waitMs: 200 });
    expect(late.message).toMatch(/restart ready.service failed: not up in time: ready.service is activating \(start\)/);
    await removeUnits('ready.service');
  });

  it('that start and fall over at once are not up', async () => {
    await writeUnit(
      'falls.service',
      'ExecStart=/bin/sh -c "sleep 0.2; echo no database; exit 7"',
      'Restart=on-failure',
      'RestartSec=0.1',
    );
    const end = await step('start', systemd('falls.service'), { waitMs: 3_000 });
    expect(end).toMatchObject({ outcome: 'failed' });
    expect(end.message).toMatch(/falls.service.*"(no database|.*)"/);
    await removeUnits('falls.service');
  });

  it('that leave a process behind are not down, and it is named', async () => {
    await writeUnit('leaves.service', 'KillMode=process', 'ExecStart=/bin/sh -c "sleep 300 & exec sleep 301"');
    await step('start', systemd('leaves.service'), { waitMs: 5_000 });
    const end = await step('stop', systemd('leaves.service'), { waitMs: 500 });
    expect(end.message).toMatch(
      /still not down: leaves.service is (inactive|failed) \(\S+\), with process \d+ \(sleep\)/,
    );
    await removeUnits('leaves.service');
  });

  it('that a socket can start again are said to be so', async () => {
    host.write('/etc/systemd/system/woken.socket', '[Socket]\nListenStream=/run/woken\n');
    await writeUnit('woken.service', 'ExecStart=/bin/sleep infinity');
    await host.execOk(['systemctl', 'start', 'woken.socket', 'woken.service']);
    const end = await step('stop', systemd('woken.service'), { waitMs: 5_000 });
    expect(end.message).toMatch(/down after \d+ ms; woken.socket can start woken.service again/);
    await removeUnits('woken.socket', 'woken.service');
  });

  it('are reloaded where they can be, and said to be none that can where they cannot', async () => {
    await writeUnit(
      'loads.service',
      'ExecStart=/bin/sleep infinity',
      `ExecReload=/bin/sh -c "echo reload >> ${WORK}/reloads"`,
    );
    await writeUnit('fixed.service', 'ExecStart=/bin/sleep infinity');
    host.write(`${WORK}/reloads`, '');
    await host.execOk(['systemctl', 'start', 'loads.service', 'fixed.service']);
    expect(await step('reload', systemd('loads.service'), { waitMs: 5_000 })).toMatchObject({ outcome: 'succeeded' });
    expect(host.read(`${WORK}/reloads`)).toBe('reload\n');
    const end = await step('reload', systemd('fixed.service'), { waitMs: 5_000 });
    expect(end.message).toMatch(/fixed.service has no way to be reloaded/);
    await removeUnits('loads.service', 'fixed.service');
  });

  it('that are masked start by nothing until they are released, which leaves what others masked', async () => {
    for (const name of ['mine', 'theirs'])
      await writeUnit(`${name}.service`, 'ExecStart=/bin/sleep infinity', '[Install]', 'WantedBy=multi-user.target');
    await host.execOk(['systemctl', 'enable', 'mine.service', 'theirs.service']);
    host.write('/etc/systemd/system/theirs.service', '');
    await host.execOk(['rm', '/etc/systemd/system/theirs.service']);
    await host.execOk(['systemctl', 'mask', 'theirs.service']);
    const service = systemd('mine.service', 'theirs.service');
    const mask = await step('mask', service);
    expect(mask.facts).toMatchObject({ masked: ['mine.service'], others: ['theirs.service'] });
    // Once more, as after a crash between doing and saying so.
    expect((await step('mask', service)).facts).toMatchObject({ masked: ['mine.service'], others: ['theirs.service'] });
    expect((await host.exec(['systemctl', 'start', 'mine.service'])).stderr).toContain('is masked');
    expect((await step('start', systemd('mine.service'), { waitMs: 1_000 })).message).toContain(
      'mine.service is masked',
    );
    expect((await step('unmask', service)).facts).toMatchObject({ released: ['mine.service'], booted: false });
    await host.execOk(['systemctl', 'start', 'mine.service']);
    expect((await host.exec(['systemctl', 'is-enabled', 'theirs.service'])).stdout.trim()).toBe('masked');
    expect((await step('unmask', service)).message).toContain('nothing is masked for it');
  });

  it('that are masked come back with a boot, and are released as if they were', async () => {
    const service = systemd('mine.service');
    await step('mask', service);
    await host.execOk(['systemctl', 'stop', 'mine.service']);
    await host.kill();
    host.boot();
    await host.ready();
    await until('mine.service is up again', async () => (await state('mine.service')) === 'active');
    expect((await step('unmask', service)).facts).toMatchObject({ released: [], booted: true });
    await removeUnits('mine.service', 'theirs.service');
  });
});

describe('an init script', () => {
  it('is asked by service', async () => {
    const service = { provider: 'sysv', name: 'cron' };
    expect(await step('status', service, { expect: 'up' })).toMatchObject({ outcome: 'succeeded' });
    expect(await step('stop', service, { waitMs: 5_000 })).toMatchObject({ outcome: 'succeeded' });
    expect(await step('status', service, { expect: 'down' })).toMatchObject({ outcome: 'succeeded' });
    expect(await step('start', service, { waitMs: 5_000 })).toMatchObject({ outcome: 'succeeded' });
    const none = await step('status', { provider: 'sysv', name: 'nothing' }, { expect: null });
    expect(none.message).toContain('there is no init script /etc/init.d/nothing');
  });
});

describe('what runs on the server and what is installed on it', () => {
  it('differ after a program was replaced under its service, until that is restarted', async () => {
    const loaded = () => runStep(host, { kind: 'check/loaded', args: { ignore: [] } });
    const replace = [
      'sh',
      '-c',
      'cp /bin/sleep /usr/local/bin/napper.new && mv /usr/local/bin/napper.new /usr/local/bin/napper',
    ];
    await host.execOk(replace);
    await writeUnit('napper.service', 'ExecStart=/usr/local/bin/napper infinity');
    await host.execOk(['systemctl', 'start', 'napper.service']);
    expect(await loaded()).toMatchObject({ outcome: 'succeeded' });
    await host.execOk(replace);
    const stale = await loaded();
    expect(stale.outcome).toBe('failed');
    expect(stale.message).toMatch(
      /^1 process still runs code of replaced files: napper.service \(napper \d+\): \/usr\/local\/bin\/napper; restart/,
    );
    const ignored = await runStep(host, { kind: 'check/loaded', args: { ignore: ['/usr/local/**'] } });
    expect(ignored).toMatchObject({ outcome: 'succeeded' });
    await step('restart', systemd('napper.service'), { waitMs: 5_000 });
    expect(await loaded()).toMatchObject({ outcome: 'succeeded' });
    await removeUnits('napper.service');
  });

  it('are waited for after a boot', async () => {
    const wait = await runStep(host, { kind: 'system/wait', args: { until: 'booted', ms: 60_000 } });
    expect(wait.message).toMatch(/^the server has booted/);
    const elapsed = await runStep(host, { kind: 'system/wait', args: { until: 'elapsed', ms: 300 } });
    expect(elapsed.facts?.['tookMs']).toBeGreaterThanOrEqual(300);
  });
});
