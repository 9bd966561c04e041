import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runStep } from './agent.ts';
import { aptSource } from './base.ts';
import { groupDirectories, groupProcesses } from './cgroup.ts';
import { runOk, until } from './command.ts';
import { Lab, removeAbandoned, withHosts } from './lab.ts';
import { type LabPlaces, labPlaces } from './places.ts';

describe('hosts of the lab', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await Lab.start({
      names: ['one', 'two', 'small'],
      diskSizes: { small: '48M' },
      packagesOf: { two: ['keepalived'] },
    });
  });

  afterAll(async () => {
    await lab?.down();
  });

  it('are servers of their own: host name, boot id, process 1', async () => {
    const [one, two] = [lab.host('one'), lab.host('two')];
    expect((await one.execOk(['hostname'])).trim()).toBe('one');
    expect(await one.bootId()).not.toBe(await two.bootId());
    expect((await one.execOk(['ps', '-o', 'comm=', '-p', '1'])).trim()).toBe('systemd');
    await two.execOk(['systemctl', 'stop', 'nginx']);
    expect((await one.execOk(['systemctl', 'is-active', 'nginx'])).trim()).toBe('active');
  });

  it('install and upgrade from the signed repository, and find real updates there', async () => {
    const one = lab.host('one');
    await one.execOk(['apt-get', '-qq', 'update']);
    await one.execOk(['apt-get', '-qq', 'install', '-y', 'demo-svc']);
    one.write('/etc/apt/sources.list', aptSource('updates'));
    await one.execOk(['apt-get', '-qq', 'update']);
    const pending = await one.execOk(['apt-get', '-s', 'dist-upgrade']);
    expect(pending).toMatch(/^Inst demo-svc \[1\.0\] \(1\.1 /m);
    expect(pending.match(/^Inst /gm)?.length).toBeGreaterThan(1);
    await one.execOk(['apt-get', '-qq', 'install', '-y', 'demo-svc=1.1']);
    expect(one.read('/var/lib/demo-svc/marks')).toBe('start 1.0\nstart 1.1\n');
  });

  it('keep their disk over a power cut, and their services come back by themselves', async () => {
    const one = lab.host('one');
    const before = await one.bootId();
    await one.kill();
    expect(one.isUp()).toBe(false);
    await expect(one.exec(['true'])).rejects.toThrow('one is not running');
    one.boot();
    await one.ready();
    expect(await one.bootId()).not.toBe(before);
    expect(one.read('/var/lib/demo-svc/marks')).toBe('start 1.0\nstart 1.1\nstart 1.1\n');
  });

  it('come back from a reboot', async () => {
    const two = lab.host('two');
    const before = await two.bootId();
    await two.exec(['systemctl', 'reboot']);
    await until('two has gone down', () => two.endedBoots().length === 1);
    await two.ready();
    expect(two.endedBoots()).toEqual([133]);
    expect(await two.bootId()).not.toBe(before);
  });

  it('are cut off and connected again from outside', async () => {
    const two = lab.host('two');
    const reach = ['curl', '-s', '-o', '/dev/null', '--max-time', '1', `http://${two.address}/`];
    await lab.atGateway(reach);
    await two.cut();
    await expect(lab.atGateway(reach)).rejects.toThrow('ended with 28');
    await two.mend();
    await lab.atGateway(reach);
  });

  it('stand still while they are frozen', async () => {
    const two = lab.host('two');
    two.freeze();
    await expect(lab.atGateway(['curl', '-s', '--max-time', '1', `http://${two.address}/`])).rejects.toThrow('28');
    two.thaw();
    await lab.atGateway(['curl', '-s', '-o', '/dev/null', '--max-time', '10', `http://${two.address}/`]);
  });

  it('have a disk that can be full', async () => {
    const small = lab.host('small');
    const filled = await small.exec(['dd', 'if=/dev/zero', 'of=/var/filler', 'bs=1M', 'count=100']);
    expect(filled.stderr).toContain('No space left on device');
  });

  it('have packages of a layer, and the same updates pending as without', async () => {
    const [one, two] = [lab.host('one'), lab.host('two')];
    expect([one.exists('/usr/sbin/keepalived'), two.exists('/usr/sbin/keepalived')]).toEqual([false, true]);
    expect((await two.execOk(['systemctl', 'is-enabled', 'keepalived'])).trim()).toBe('enabled');
    expect(await two.execOk(['dpkg', '--audit'])).toBe('');
    const versions = (host: typeof one) => host.execOk(['dpkg-query', '-W', 'libssl3', 'libc6']);
    expect(await versions(two)).toBe(await versions(one));
  });

  it('run a single step of the agent', async () => {
    const args = { needs: [{ path: '/', bytes: 1_000 }] };
    expect(await runStep(lab.host('two'), { kind: 'check/disk', args })).toMatchObject({ outcome: 'succeeded' });
  });
});

it('a lab leaves nothing behind, frozen hosts neither', async () => {
  const places = await withHosts({ count: 2, diskSizes: { host02: '64M' } }, async lab => {
    lab.first.freeze();
    expect(groupProcesses(lab.places.cgroup).length).toBeGreaterThan(10);
    return lab.places;
  });
  await isGone(places);
});

it.each([
  // Its first host is there and the others are not.
  ['while it is made', 'hosts/host01/root/etc/hostname'],
  ['once it is there', 'up'],
])('a lab whose process is killed %s is taken down by the next one', async (_, file) => {
  const id = `killed${process.pid}`;
  const places = labPlaces(id);
  const options = { id, count: 8, diskSizes: { host01: '64M', host02: '64M' } };
  const script = `import { writeFileSync } from 'node:fs';
    import { Lab } from ${JSON.stringify(join(import.meta.dirname, 'lab.ts'))};
    const lab = await Lab.start(${JSON.stringify(options)});
    writeFileSync(lab.places.directory + '/up', '');
    setInterval(() => undefined, 1_000);`;
  const maker = spawn(process.execPath, ['--input-type=module-typescript', '--eval', script], { stdio: 'inherit' });
  const ended = once(maker, 'exit');
  await until('it is to be killed', () => existsSync(join(places.directory, file)), { everyMs: 5, withinMs: 120_000 });
  maker.kill('SIGKILL');
  await ended;
  await removeAbandoned();
  await isGone(places);
});

/** Processes, control groups, mounts and what they lie on, network namespaces, files. */
async function isGone({ id, cgroup, directory }: LabPlaces): Promise<void> {
  expect(groupProcesses(cgroup)).toEqual([]);
  expect(groupDirectories(cgroup).filter(existsSync)).toEqual([]);
  expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(`${directory}/`);
  expect(await runOk(['losetup', '--list', '--noheadings', '--output', 'BACK-FILE'])).not.toContain(`${directory}/`);
  expect(await runOk(['ip', 'netns', 'list'])).not.toMatch(new RegExp(`^tidemark-${id}(-| |$)`, 'm'));
  expect(existsSync(directory)).toBe(false);
}
