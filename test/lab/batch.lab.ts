import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runStep } from './agent.ts';
import { installKernelDebs } from './kernels.ts';
import { Lab } from './lab.ts';

/* Cron, at and timers on a real systemd host, held over a power cut; and the checks that ask systemd. */

let lab: Lab;

beforeAll(async () => {
  lab = await Lab.start({ names: ['batch'] });
  const host = lab.first;
  // A timer of the site's own lies where masks would lie.
  host.write('/etc/systemd/system/own.timer', '[Timer]\nOnCalendar=yearly\n[Install]\nWantedBy=timers.target\n');
  host.write('/etc/systemd/system/own.service', '[Service]\nType=oneshot\nExecStart=/bin/sleep 600\n');
  host.write('/etc/systemd/system/idle.timer', '[Timer]\nOnCalendar=yearly\n');
  host.write('/etc/systemd/system/idle.service', '[Service]\nType=oneshot\nExecStart=/bin/true\n');
  await host.execOk(['systemctl', 'daemon-reload']);
  await host.execOk(['systemctl', 'enable', '--now', 'own.timer']);
});

afterAll(() => lab?.down());

const UNITS = ['cron.service', 'atd.service', 'own.timer', 'idle.timer'];
const states = async () => (await lab.first.exec(['systemctl', 'is-active', ...UNITS])).stdout.trim().split('\n');
const UP = ['active', 'active', 'active', 'inactive'];
const DOWN = UNITS.map(() => 'inactive');
const hold = (name = 'night', more: Record<string, unknown> = {}) =>
  runStep(lab.first, {
    kind: 'batch/hold',
    args: { hold: name, cron: true, at: true, timers: 'all', except: [], waitMs: 1_000, ...more },
  });
/** What the inventory says is held. */
const holds = () =>
  runStep(lab.first, { kind: 'check/facts', args: { condition: 'facts.holds.size() == 1', withinMs: 0 } });
const release = (name = 'night') => runStep(lab.first, { kind: 'batch/release', args: { hold: name } });

describe('batch work on a real host', () => {
  it('is held, also twice, over a power cut and against a start by hand, and released exactly', async () => {
    expect(await states()).toEqual(UP);
    expect(await hold()).toMatchObject({ outcome: 'succeeded' });
    expect(await states()).toEqual(DOWN);
    await lab.first.execOk(['systemctl', 'start', 'cron.service', 'own.timer']);
    expect(await states()).toEqual(DOWN);
    expect((await hold()).message).toContain('still held');
    expect((await holds()).message).toMatch(
      /is true: facts.holds is \[\{"hold":"night","heldAt":\d+,"units":.*cron.service/,
    );
    await lab.first.kill();
    lab.first.boot();
    await lab.first.ready();
    expect(await states()).toEqual(DOWN);
    expect(await release()).toMatchObject({ outcome: 'succeeded' });
    expect(await states()).toEqual(UP);
    const left = await lab.first.exec(['find', '/etc/systemd/system', '-name', '*tidemark-hold*']);
    expect(left.stdout).toBe('');
    expect((await release()).message).toContain('nothing is held');
    expect((await holds()).message).toMatch(/is false: facts.holds is \[\]/);
  });

  it('that two hold is released by the last of them, whichever that is', async () => {
    await hold('first');
    await hold('second');
    expect((await release('first')).message).toMatch(/still held by another hold: second \(since 20[^)]+Z\)$/);
    expect(await states()).toEqual(DOWN);
    await release('second');
    expect(await states()).toEqual(UP);
  });

  it('that runs is waited for; where it does not end, nothing is held', async () => {
    await lab.first.execOk(['systemctl', 'start', '--no-block', 'own.service']);
    const failed = await hold();
    expect(failed).toMatchObject({ outcome: 'failed', message: expect.stringContaining('own.service') });
    expect(await states()).toEqual(UP);
    await lab.first.execOk(['systemctl', 'stop', 'own.service']);
    await lab.first.execOk(['sh', '-c', 'echo "sleep 600" | at now']);
    expect((await hold('night', { waitMs: 3_000 })).message).toMatch(/sleep 600 \(process \d+ of atd\.service\)/);
    expect(await states()).toEqual(UP);
    await lab.first.execOk(['killall', 'sleep']);
    expect(await hold()).toMatchObject({ outcome: 'succeeded' });
    await release();
  });

  it('that is named and not there is an error, and nothing is held', async () => {
    const failed = await hold('night', { timers: ['none.timer'] });
    expect(failed).toMatchObject({ outcome: 'failed', message: expect.stringContaining('there is no none.timer') });
    expect(await states()).toEqual(UP);
  });
});

describe('checks on a real host', () => {
  const units = (active: string[], ignore: string[] = []) =>
    runStep(lab.first, { kind: 'check/units', args: { noneFailed: true, ignore, active, withinMs: 0 } });

  it('see units that failed, that do not run and that are not there', async () => {
    // What the tests before this one have ended counts as failed.
    await lab.first.execOk(['systemctl', 'reset-failed']);
    expect(await units(['cron.service'])).toMatchObject({ outcome: 'succeeded' });
    lab.first.write('/etc/systemd/system/bad.service', '[Service]\nType=oneshot\nExecStart=/bin/false\n');
    await lab.first.exec(['systemctl', 'start', 'bad.service']);
    const failed = await units(['idle.timer', 'none.service']);
    expect(failed.message).toMatch(/bad\.service has failed; idle\.timer is inactive .*; there is no none\.service/);
    expect(await units([], ['bad.service'])).toMatchObject({ outcome: 'succeeded' });
    await lab.first.execOk(['systemctl', 'reset-failed']);
  });

  it('do not call a clock right that nobody vouches for', async () => {
    const end = await runStep(lab.first, { kind: 'check/clock', args: { maxOffsetMs: 1_000 } });
    expect(end).toMatchObject({ outcome: 'failed', message: expect.stringContaining('nobody can tell') });
  });
});

it('cleaning frees what apt has downloaded, kernels that nobody needs and old parts of the journal', async () => {
  const host = lab.first;
  const running = await installKernelDebs(host.path('/'));
  host.write('/var/cache/apt/archives/old_1_all.deb', Buffer.alloc(1_000_000));
  const end = await runStep(host, {
    kind: 'file/clean',
    args: { packageCache: true, journalKeepBytes: 1024 * 1024, kernelsKeep: 2, lockWaitMs: 10_000 },
  });
  expect(end).toMatchObject({
    outcome: 'succeeded',
    message: expect.stringMatching(
      /^freed 976\.6 KiB of apt's downloads and 512\.0 KiB of old kernels \(linux-image-90\.1\S+ 90\.1-1, linux-image-90\.2\S+ 90\.2-1\) and /,
    ),
  });
  expect(host.exists('/var/cache/apt/archives/old_1_all.deb')).toBe(false);
  const images = (await host.execOk(['ls', '/boot'])).trim().split('\n');
  expect(images.map(name => name.slice('vmlinuz-'.length)).sort()).toEqual(
    [running.slice('linux-image-'.length), '90.3.0-1-amd64', '90.4.0-1-amd64'].sort(),
  );
});
