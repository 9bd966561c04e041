import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { snapshotConformance } from '@tidemark/agent/platform/snapshot.conformance.ts';
import { createBtrfsSnapshots } from '@tidemark/agent/platform/snapshot-btrfs.ts';
import { createResticSnapshots } from '@tidemark/agent/platform/snapshot-restic.ts';
import { stepFixture } from '@tidemark/agent/testing/step-context.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import { runOk } from './command.ts';
import { installTools } from './tools.ts';

/* Real btrfs on a loop device and a real restic repository, on this machine: containers have no loop devices. */

beforeAll(() => installTools(['btrfs-progs', 'restic']));

async function btrfs() {
  const base = mkdtempSync(join(tmpdir(), 'tidemark-btrfs-'));
  const [image, mount] = [join(base, 'image'), join(base, 'mount')];
  mkdirSync(mount);
  await runOk(['truncate', '-s', '256M', image]);
  await runOk(['mkfs.btrfs', '-q', image]);
  await runOk(['mount', '-o', 'loop', image, mount]);
  const step = stepFixture();
  return {
    mount,
    snapshots: createBtrfsSnapshots(step.context.place),
    async makeSubvolume(name: string) {
      await runOk(['btrfs', 'subvolume', 'create', join(mount, name)]);
      return join(mount, name);
    },
    count: () => readdirSync(join(mount, '.tidemark-snapshots')).length,
    async close() {
      step.close();
      await runOk(['umount', mount]);
      rmSync(base, { recursive: true, force: true });
    },
  };
}

snapshotConformance('btrfs', async () => {
  const made = await btrfs();
  const shop = await made.makeSubvolume('shop');
  return {
    ...made,
    makeDirectory: () => shop,
  };
});

snapshotConformance('restic', async () => {
  const base = mkdtempSync(join(tmpdir(), 'tidemark-restic-'));
  const [repository, passwordFile] = [join(base, 'repository'), join(base, 'password')];
  writeFileSync(passwordFile, 'a password', { mode: 0o600 });
  await runOk(['restic', '--no-cache', '-q', '--repo', repository, '--password-file', passwordFile, 'init']);
  const step = stepFixture();
  return {
    snapshots: createResticSnapshots({ repository, passwordFile }, step.context.place),
    makeDirectory(name: string) {
      const path = join(base, 'data', name);
      mkdirSync(path, { recursive: true });
      return path;
    },
    count: () => readdirSync(join(repository, 'snapshots')).length,
    close() {
      step.close();
      rmSync(base, { recursive: true, force: true });
    },
  };
});

describe('a btrfs snapshot', () => {
  it('is refused where it could not be put back, with the reason', async () => {
    const made = await btrfs();
    try {
      const at = await made.makeSubvolume('outer');
      const create = (path: string) => made.snapshots.create('night', [{ path, at: path }]);
      await made.makeSubvolume('outer/inner');
      await expect(create(at)).rejects.toThrow(/has subvolumes of its own/);
      await expect(create(made.mount)).rejects.toThrow(/is a mount point/);
      mkdirSync(join(at, 'plain'));
      await expect(create(join(at, 'plain'))).rejects.toThrow(/is no btrfs subvolume/);
      await expect(create('/etc')).rejects.toThrow(/is no btrfs subvolume/);
    } finally {
      await made.close();
    }
  });
});

describe('a restic snapshot', () => {
  it('says how to make a repository where there is none', async () => {
    const step = stepFixture();
    const snapshots = createResticSnapshots({ repository: '/nowhere', passwordFile: '/none' }, step.context.place);
    await expect(snapshots.create('night', [])).rejects.toThrow(/is no restic repository; make one with: restic/);
    step.close();
  });
});
