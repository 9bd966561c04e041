import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { run, runOk, until } from './command.ts';
import type { LabFleet } from './fleet.ts';
import type { Host } from './host.ts';
import {
  asPackages,
  condition,
  dpkgSays,
  fails,
  installInTree,
  lastWord,
  type Part,
  packagePolicy,
  pendingUpdates,
  storyOf,
  versionOf,
  well,
} from './package-host.ts';

/* Packages that are left half way: scenarios of package-trouble.lab.ts. */

const HOST = { killed: 'dpkg-killed', full: 'full', script: 'script' };

/*
 * A package that fills the disk before it is unpacked, as one that backs up a large database would. Its repository lies on
 * the host, and apt copies from there as it downloads from elsewhere.
 */
const BALLAST = 'ballast';
const REPOSITORY = '/srv/ballast';
const FILLS = '/etc/ballast-fills';
const FILLER = '/var/lib/ballast-backup';
const PAYLOAD_BYTES = 12_000_000;

async function buildBallast(host: Host): Promise<void> {
  const pool = host.path(REPOSITORY);
  mkdirSync(pool, { recursive: true });
  for (const [version, bytes] of [
    ['1.0', 1_000],
    ['1.1', PAYLOAD_BYTES],
  ] as const) {
    const tree = join(host.directory, `ballast-${version}`);
    for (const each of ['DEBIAN', 'usr/share/ballast']) mkdirSync(join(tree, each), { recursive: true });
    const control = [
      'Package: ballast',
      `Version: ${version}`,
      'Architecture: all',
      'Maintainer: Tidemark lab <lab@example.invalid>',
      'Description: ballast',
      '',
    ];
    writeFileSync(join(tree, 'DEBIAN/control'), control.join('\n'));
    const backUp = `#!/bin/sh\n[ -e ${FILLS} ] && dd if=/dev/zero of=${FILLER} bs=64k 2>/dev/null\nexit 0\n`;
    if (version === '1.1') writeFileSync(join(tree, 'DEBIAN/preinst'), backUp, { mode: 0o755 });
    writeFileSync(join(tree, 'usr/share/ballast/data'), Buffer.alloc(bytes, version));
    await runOk([
      'dpkg-deb',
      '--root-owner-group',
      '-Zgzip',
      '--build',
      tree,
      join(pool, `ballast_${version}_all.deb`),
    ]);
  }
  const index = await run(['apt-ftparchive', 'packages', '.'], { cwd: pool });
  writeFileSync(join(pool, 'Packages'), index.stdout);
  host.write('/etc/apt/sources.list.d/ballast.list', `deb [trusted=yes] copy:${REPOSITORY} ./\n`);
  await installInTree(host, join(pool, 'ballast_1.0_all.deb'));
}

export const brokenPackages: Part & { diskSizes: Record<string, string> } = {
  names: Object.values(HOST),
  diskSizes: { [HOST.full]: '300M' },

  async layOut(host) {
    if (host.name === HOST.full) await buildBallast(host);
  },

  async setUp(fleet) {
    const updates = await pendingUpdates(fleet.host(HOST.killed));
    expect(updates.size).toBeGreaterThan(5);
    await fleet.cliOk('bundle', 'create', 'updates', ...asPackages(updates));
    const expat = [...updates].filter(([name]) => name === 'libexpat1');
    await fleet.cliOk('bundle', 'create', 'expat', ...asPackages(expat));
    await fleet.cliOk('bundle', 'create', 'ballast', '--package', `${BALLAST}=1.1`);
    await fleet.cliOk('bundle', 'create', 'december', '--package', 'demo-svc=1.2');
  },

  scenarios(fleetOf: () => LabFleet): void {
    it('16: finishes what a dpkg that was killed left half way, and comes to the exact versions', async () => {
      const fleet = fleetOf();
      const host = fleet.host(HOST.killed);
      const updates = await pendingUpdates(host);
      const id = await fleet.begin(
        packagePolicy('updates', [host.name], ['upgrade: {retries: {max: 1, backoff: 1s}}']),
      );
      await dpkgSays(host, / status unpacked /, 5);
      // The one that apt has given the work to: others ask it short questions, and nobody minds the end of these.
      const killed = () => host.exec(['pkill', '-KILL', '-f', '^/usr/bin/dpkg .*--status-fd']);
      await until('a dpkg at work is killed', async () => (await killed()).code === 0, { everyMs: 10 });
      await fleet.succeeds(id);
      const events = await fleet.events(id, host);
      expect(storyOf(events, 'upgrade')).toEqual(['started 1', 'failed 1', 'started 2', 'succeeded 2']);
      expect(events.find(({ event }) => event === 'failed')?.message).toMatch(
        /dpkg exited unexpectedly; repair it or take it back/,
      );
      for (const [name, version] of updates)
        expect([name, await versionOf(host, name)]).toEqual([name, `${version} installed`]);
      expect(await condition(host)).toEqual(well('1.0'));
    });

    it('17: says that the disk got full while it was unpacked, and is well again once there is room', async () => {
      const fleet = fleetOf();
      const host = fleet.host(HOST.full);
      const ballast = () => condition(host, BALLAST);
      host.write(FILLS, '');
      // Taken back: the way back needs room too.
      const undone = await fleet.begin(packagePolicy('ballast', [host.name]));
      await fleet.waitsForPerson(undone);
      const said = lastWord(await fleet.events(undone, host), 'upgrade');
      expect(said).toMatch(
        /no space left while \S*ballast\S* was unpacked; free some, then run the step package\/repair/,
      );
      await host.execOk(['rm', FILLER]);
      await fleet.decide('retry', undone, host.name, 'upgrade', 'there is room again');
      expect(await fails(fleet, undone)).toContain(`${host.name} undone`);
      expect(await ballast()).toEqual(well('1.0'));
      // Held, and gone on with.
      const held = await fleet.begin(packagePolicy('ballast', [host.name], ['upgrade: {onFailure: hold}']));
      await fleet.waitsForPerson(held);
      const [incident] = await fleet.incidentsOf(host);
      expect(incident?.title).toMatch(/^upgrade ballast 1\.0 -> 1\.1 on full failed: .*no space left/);
      await host.execOk(['rm', FILLER, FILLS]);
      await fleet.decide('retry', held, host.name, 'upgrade', 'there is room for good');
      await fleet.succeeds(held);
      expect(await ballast()).toEqual(well('1.1'));
    });

    it('18: repairs what a failing script left as the policy says, and goes on after a person has mended the cause', async () => {
      const fleet = fleetOf();
      const host = fleet.host(HOST.script);
      // Left by somebody before the night: the host is left out, unless the policy repairs.
      await host.execOk(['apt-get', '-qq', 'update']);
      expect((await host.exec(['apt-get', '-qq', 'install', '-y', 'demo-svc=1.2'])).code).toBe(100);
      await expect(fleet.begin(packagePolicy('expat', [host.name]))).rejects.toThrow(
        'demo-svc was left half way there: repair it first, or list package/repair in the policy',
      );
      host.write('/etc/demo-svc/fixed', '');
      const repairing = packagePolicy(
        'expat',
        [host.name],
        [],
        ['{id: repair, uses: package/repair, before: refresh}'],
      );
      const repaired = await fleet.begin(repairing);
      await fleet.succeeds(repaired);
      expect(lastWord(await fleet.events(repaired, host), 'repair')).toBe('demo-svc is well again');
      expect(await condition(host)).toEqual(well('1.2'));

      // In the night: a person mends what the script did not like, and has the step done again.
      await host.execOk(['apt-get', '-qq', 'install', '-y', '--allow-downgrades', 'demo-svc=1.0']);
      await host.execOk(['rm', '/etc/demo-svc/fixed']);
      const held = await fleet.begin(packagePolicy('december', [host.name], ['upgrade: {onFailure: hold}']));
      await fleet.waitsForPerson(held);
      const [incident] = await fleet.incidentsOf(host);
      expect(incident?.title).toContain('the postinst script of demo-svc failed');
      const { job } = await fleet.cliJson<{ job: { output: string } }>('incident', 'show', String(incident?.id));
      expect(job.output).toContain('demo-svc: migration failed');
      host.write('/etc/demo-svc/fixed', '');
      await fleet.decide('retry', held, host.name, 'upgrade', 'the migration was corrected');
      await fleet.succeeds(held);
      expect(storyOf(await fleet.events(held, host), 'upgrade')).toEqual([
        'started 1',
        'failed 1',
        'started 2',
        'succeeded 2',
      ]);
      expect(await condition(host)).toEqual(well('1.2'));
    });
  },
};
