import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compareDpkgVersions } from '@tidemark/shared/versions/dpkg.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runStep, type StepCall } from './agent.ts';
import { aptSource } from './base.ts';
import { run, until } from './command.ts';
import type { Host } from './host.ts';
import { Lab } from './lab.ts';
import { cloneTree } from './package-tree.ts';

/* What happens to packages on servers that run: each case was first seen when real servers were patched. */

interface Exact {
  name: string;
  version: string;
  architecture: string | null;
  sha256: string | null;
}

const demo = (version: string, part: Partial<Exact> = {}): Exact => ({
  name: 'demo-svc',
  version,
  architecture: null,
  sha256: null,
  ...part,
});
const change = (kind: 'upgrade' | 'install', packages: Exact[], part: Record<string, unknown> = {}): StepCall => ({
  kind: `package/${kind}`,
  args: { packages, conffiles: 'keep', others: 'refuse', lockWaitMs: 10_000, ...part },
});
const upgrade = (...packages: Exact[]) => change('upgrade', packages);
const refresh: StepCall = { kind: 'package/refresh', args: { lockWaitMs: 10_000 } };
/** Format of dpkg-query: these fields, one blank between. */
const fields = (...names: string[]): string => names.map(name => ['$', '{', name, '}'].join('')).join(' ');
const repair: StepCall = { kind: 'package/repair', args: { lockWaitMs: 10_000 } };

describe('packages on a server that runs', () => {
  let lab: Lab;
  let host: Host;

  beforeAll(async () => {
    lab = await Lab.start({ names: ['web', 'cut', 'small'], diskSizes: { small: '160M' } });
    for (const each of lab.hosts) each.write('/etc/apt/sources.list', ['updates', 'broken'].map(aptSource).join(''));
    await Promise.all(lab.hosts.map(each => runStep(each, refresh)));
    host = lab.host('web');
  });
  afterAll(() => lab?.down());

  const versionOn = async (on: Host, name = 'demo-svc') =>
    (await on.exec(['dpkg-query', '-W', '-f', fields('Version', 'db:Status-Status'), name])).stdout;
  const audit = (on: Host) => on.execOk(['dpkg', '--audit']);

  /** The real updates that are pending for what is installed, with their digests. */
  async function pendingUpdates(on: Host): Promise<Exact[]> {
    const listed = await run(['apt-ftparchive', 'packages', 'pool/updates'], { cwd: lab.base.repository });
    const here = new Map(
      (await on.execOk(['dpkg-query', '-W', '-f', `${fields('Package', 'Version')}\\n`]))
        .split('\n')
        .map(line => line.split(' ') as [string, string]),
    );
    return listed.stdout.split('\n\n').flatMap(stanza => {
      const field = (name: string) => new RegExp(`^${name}: (.+)$`, 'm').exec(stanza)?.[1] ?? '';
      const [name, version] = [field('Package'), field('Version')];
      const before = here.get(name);
      return before !== undefined && compareDpkgVersions(before, version) < 0
        ? [{ name, version, architecture: null, sha256: `sha256:${field('SHA256')}` }]
        : [];
    });
  }

  describe('with a service', () => {
    beforeEach(async () => {
      await host.exec(['systemctl', 'stop', 'demo-svc']);
      await host.exec(['dpkg', '--purge', '--force-all', 'demo-svc']);
      await host.exec(['rm', '-rf', '/var/lib/demo-svc', '/etc/demo-svc']);
      expect(await runStep(host, change('install', [demo('1.0')]))).toMatchObject({ outcome: 'succeeded' });
    });

    it('upgrades in one step, which ends although the service that it started runs on', async () => {
      const file = readFileSync(join(lab.base.repository, 'pool/demo/demo-svc_1.1_all.deb'));
      const sha256 = `sha256:${createHash('sha256').update(file).digest('hex')}`;
      const end = await runStep(host, upgrade(demo('1.1', { sha256 })));
      expect(end).toMatchObject({ outcome: 'succeeded', message: 'demo-svc 1.0 -> 1.1' });
      expect(await versionOn(host)).toBe('1.1 installed');
      expect((await host.execOk(['systemctl', 'is-active', 'demo-svc'])).trim()).toBe('active');
    });

    it('refuses a file that was exchanged in its cache for one of the same size', async () => {
      const download = {
        kind: 'package/download',
        args: { packages: [demo('1.1')], others: 'refuse', back: [demo('1.0')], lockWaitMs: 0 },
      };
      expect(await runStep(host, download)).toMatchObject({ outcome: 'succeeded' });
      const cached = '/var/cache/tidemark-agent/packages/demo-svc_1.1_all.deb';
      const bytes = readFileSync(host.path(cached));
      bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
      writeFileSync(host.path(cached), bytes);
      expect(await runStep(host, upgrade(demo('1.1')))).toMatchObject({
        outcome: 'failed',
        facts: { problem: 'wrong-digest' },
      });
      expect(await versionOn(host)).toBe('1.0 installed');
      // The false one is gone, so that the next attempt fetches it anew.
      expect(await runStep(host, upgrade(demo('1.1')))).toMatchObject({ outcome: 'succeeded' });
    });

    it('takes back an upgrade whose script failed while the service ran', async () => {
      const end = await runStep(host, upgrade(demo('1.2')));
      expect(end).toMatchObject({
        outcome: 'failed',
        facts: { problem: 'script-failed', failures: [{ name: 'demo-svc', script: 'postinst' }] },
      });
      expect(end.message).toMatch(
        /^the postinst script of demo-svc failed .* its last lines: "demo-svc: migration failed";/,
      );
      expect(await runStep(host, upgrade(demo('1.0')))).toMatchObject({ outcome: 'succeeded' });
      expect(await versionOn(host)).toBe('1.0 installed');
      expect(await audit(host)).toBe('');
      expect((await host.execOk(['systemctl', 'is-active', 'demo-svc'])).trim()).toBe('active');
    });

    it('is held, let go and removed by steps, and what is pending is told before', async () => {
      const names = { names: ['demo-svc'] };
      const pending = (held: 'ignore' | 'refuse') =>
        runStep(host, { kind: 'check/pending', args: { held, withinMs: 0 } });
      expect(await runStep(host, { kind: 'package/hold', args: names })).toMatchObject({ message: 'demo-svc is held' });
      expect(await host.execOk(['apt-mark', 'showhold'])).toBe('demo-svc\n');
      expect(await pending('ignore')).toMatchObject({ outcome: 'succeeded', facts: { held: ['demo-svc'] } });
      expect(await pending('refuse')).toMatchObject({
        outcome: 'failed',
        message: expect.stringContaining('demo-svc is held'),
      });
      expect(await runStep(host, upgrade(demo('1.1')))).toMatchObject({
        outcome: 'failed',
        facts: { problem: 'held' },
      });
      expect(await runStep(host, { kind: 'package/unhold', args: names })).toMatchObject({
        facts: { changed: ['demo-svc'] },
      });
      expect(await host.execOk(['apt-mark', 'showhold'])).toBe('');
      const remove = { kind: 'package/remove', args: { ...names, others: 'refuse', lockWaitMs: 10_000 } };
      expect(await runStep(host, remove)).toMatchObject({ message: 'demo-svc 1.0 (removed)' });
      expect((await host.exec(['systemctl', 'is-active', 'demo-svc'])).stdout.trim()).toBe('inactive');
    });

    it('waits for another apt, and names it', async () => {
      // In the middle of its work for as long as its hook sleeps.
      const other = host.exec([
        ...['apt-get', 'install', '-y', '--reinstall', 'demo-svc=1.0'],
        ...['-o', 'DPkg::Pre-Invoke::=sleep 4'],
      ]);
      await until('the other one has the lock', async () => {
        const locks = await host.exec(['fuser', '/var/lib/dpkg/lock-frontend']);
        return locks.code === 0;
      });
      const refused = await runStep(host, change('upgrade', [demo('1.1')], { lockWaitMs: 0 }));
      expect(refused).toMatchObject({ outcome: 'failed', facts: { problem: 'locked', process: 'apt-get' } });
      expect(await runStep(host, upgrade(demo('1.1')))).toMatchObject({ outcome: 'succeeded' });
      expect((await other).code).toBe(0);
    });
  });

  it('tells its packages as facts', async () => {
    const facts = await host.execOk(['dpkg-query', '-W', '-f', '.']);
    const tree = await cloneTree(host.path('/'));
    try {
      const { collectPackages } = await import('@tidemark/agent/inventory/packages.ts');
      const errors: string[] = [];
      const { packages: found } = await collectPackages(tree.place, errors);
      expect(errors).toEqual([]);
      expect(found?.manager).toBe('apt');
      expect(found?.count).toBeGreaterThan(100);
      expect(Math.abs((found?.count ?? 0) - facts.length)).toBeLessThan(3);
      expect(found?.installed.find(({ name }) => name === 'bash')?.version).toMatch(/^5\./);
    } finally {
      await tree.close();
    }
  });

  it('finishes what a power cut left in the middle of the real updates', async () => {
    const cut = lab.host('cut');
    const updates = await pendingUpdates(cut);
    expect(updates.length).toBeGreaterThan(5);
    const download = { packages: updates, others: 'refuse', back: [], lockWaitMs: 10_000 };
    expect(await runStep(cut, { kind: 'package/download', args: download })).toMatchObject({ outcome: 'succeeded' });
    void runStep(cut, upgrade(...updates)).catch(() => undefined);
    await until('dpkg works', () => {
      const log = cut.exists('/var/log/dpkg.log') ? cut.read('/var/log/dpkg.log') : '';
      return (log.match(/ status unpacked /g) ?? []).length > 3;
    });
    await cut.kill();
    cut.boot();
    await cut.ready();
    const again = await runStep(cut, upgrade(...updates), { timeoutMs: 300_000 });
    expect(again).toMatchObject({ outcome: 'succeeded' });
    expect(await audit(cut)).toBe('');
    expect(await pendingUpdates(cut)).toEqual([]);
    expect(await runStep(cut, repair)).toMatchObject({ message: 'nothing was left half way' });
  });

  it('refuses before anything changes what the disk has no room for', async () => {
    const small = lab.host('small');
    await small.exec(['sh', '-c', 'dd if=/dev/zero of=/var/filler bs=1M 2>/dev/null; truncate -s -30M /var/filler']);
    const updates = await pendingUpdates(small);
    const before = await versionOn(small, 'libssl3');
    const end = await runStep(small, upgrade(...updates));
    expect(end).toMatchObject({ outcome: 'failed', facts: { problem: 'no-space' } });
    expect(end.message).toMatch(/^not enough space: .* nothing was changed/);
    expect(await versionOn(small, 'libssl3')).toBe(before);
    expect(await audit(small)).toBe('');
  });
});
