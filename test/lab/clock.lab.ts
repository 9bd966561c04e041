import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runStep } from './agent.ts';
import { until } from './command.ts';
import type { Host } from './host.ts';
import { Lab } from './lab.ts';

/*
 * Real time services. The clock is the machine's and nobody may set it, so chronyd runs with -x on both sides: one serves
 * its time as if it were right, the other one measures itself against it. timesyncd asks the same server.
 */

let lab: Lab;
let host: Host;

beforeAll(async () => {
  lab = await Lab.start({
    names: ['ntp', 'chrony', 'sync'],
    packagesOf: { ntp: ['chrony'], chrony: ['chrony'], sync: ['systemd-timesyncd'] },
  });
  for (const name of ['ntp', 'chrony']) await lab.host(name).execOk(['systemctl', 'stop', 'chrony']);
  lab.host('ntp').write('/etc/chrony/chrony.conf', 'local stratum 2\nallow 10.77.0.0/16\n');
  lab.host('chrony').write('/etc/chrony/chrony.conf', `server ${lab.host('ntp').address} iburst minpoll 0 maxpoll 0\n`);
  await run(lab.host('ntp'), 'chronyd', '-x', '-d');
  host = lab.host('chrony');
});

afterAll(() => lab?.down());

const run = (on: Host, program: string, ...args: string[]) =>
  on.execOk(['systemd-run', '-q', `--unit=tm-${program}`, `/usr/sbin/${program}`, ...args]);
const check = (on: Host, maxOffsetMs = 1_000) => runStep(on, { kind: 'check/clock', args: { maxOffsetMs } });

describe('the clock of a server', () => {
  it('with chrony is not known to be right before a source has answered, and then by how much it is off', async () => {
    expect((await check(host)).message).toMatch(/nobody can tell .*506 Cannot talk to daemon/);
    await run(host, 'chronyd', '-x', '-d');
    await until('chrony has a source', async () =>
      (await host.execOk(['chronyc', '-c', 'tracking'])).includes(',Normal'),
    );
    const good = await check(host);
    expect(good).toMatchObject({ outcome: 'succeeded', facts: { source: `chrony (${lab.host('ntp').address})` } });
    // The same clock on both sides: what is measured is the way between them.
    expect(Math.abs(Number(good.facts?.['offsetMs']))).toBeLessThan(1_000);
  });

  it('with chrony and a server that is an hour off is said to be so', async () => {
    const server = lab.host('ntp');
    await server.execOk(['systemctl', 'stop', 'tm-chronyd']);
    await host.execOk(['systemctl', 'stop', 'tm-chronyd']);
    // Its answers count as those of a clock that is an hour away from this one.
    host.write('/etc/chrony/chrony.conf', `server ${server.address} iburst minpoll 0 maxpoll 0 offset 3600\n`);
    await run(server, 'chronyd', '-x', '-d');
    await run(host, 'chronyd', '-x', '-d');
    await until('chrony has a source', async () =>
      (await host.execOk(['chronyc', '-c', 'tracking'])).includes(',Normal'),
    );
    const bad = await check(host);
    expect(bad.outcome).toBe('failed');
    expect(bad.message).toMatch(/the clock is 3[56]\d\d\.\d s (behind|ahead), says chrony/);
  });

  it('with timesyncd is known once its server has answered', async () => {
    const sync = lab.host('sync');
    // Asked while it cannot start: once it can, asking wakes it by the bus, and it may have an answer in time.
    expect((await check(sync)).outcome).toBe('failed');
    sync.write('/etc/systemd/timesyncd.conf', `[Time]\nNTP=${lab.host('ntp').address}\n`);
    // It does not run in containers by itself, since it could not set the clock there.
    sync.write(
      '/etc/systemd/system/systemd-timesyncd.service.d/lab.conf',
      '[Unit]\nConditionVirtualization=\nConditionCapability=\n',
    );
    await sync.execOk(['systemctl', 'daemon-reload']);
    await sync.execOk(['systemctl', 'start', 'systemd-timesyncd']);
    await until('timesyncd has an answer', async () =>
      (await sync.exec(['timedatectl', 'timesync-status'])).stdout.includes('Offset:'),
    );
    expect(await check(sync)).toMatchObject({ outcome: 'succeeded', facts: { source: 'systemd-timesyncd' } });
  });
});
