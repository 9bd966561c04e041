import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { snapshotConformance } from '@tidemark/agent/platform/snapshot.conformance.ts';
import { createBtrfsSnapshots } from '@tidemark/agent/platform/snapshot-btrfs.ts';
import { createResticSnapshots } from '@tidemark/agent/platform/snapshot-restic.ts';
import { pruningConformance } from '@tidemark/agent/steps/snapshot-pruning.conformance.ts';
import { stepFixture } from '@tidemark/agent/testing/step-context.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import { stepProcesses } from '../support/step-processes.ts';
import { runOk } from './command.ts';
import { repositoryRoot } from './places.ts';
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

async function resticRepository(base: string) {
  const [repository, passwordFile] = [join(base, 'repository'), join(base, 'password')];
  writeFileSync(passwordFile, 'a password', { mode: 0o600 });
  await runOk(['restic', '--no-cache', '-q', '--repo', repository, '--password-file', passwordFile, 'init']);
  return { repository, passwordFile, count: () => readdirSync(join(repository, 'snapshots')).length };
}

snapshotConformance('restic', async () => {
  const base = mkdtempSync(join(tmpdir(), 'tidemark-restic-'));
  const { count, ...place } = await resticRepository(base);
  const step = stepFixture();
  return {
    snapshots: createResticSnapshots(place, step.context.place),
    makeDirectory(name: string) {
      const path = join(base, 'data', name);
      mkdirSync(path, { recursive: true });
      return path;
    },
    count,
    close() {
      step.close();
      rmSync(base, { recursive: true, force: true });
    },
  };
});

const AGENT_PROGRAM = [process.execPath, join(repositoryRoot, 'dist/tidemark-agent.mjs')] as const;
/** From before its first line to after its last. */
const CUTS = [200, 500, 800, 1_200, 2_000];

/** Where a step finds and leaves what it is about, whatever the method. */
function stepsOn(stateDir: string, shop: string) {
  return {
    ...stepProcesses(AGENT_PROGRAM, stateDir),
    revert: (name: string) => ({ name, paths: [shop], whenWritten: 'ask' }),
    write: (text: string) => writeFileSync(join(shop, 'text'), text),
    read: () => readFileSync(join(shop, 'text'), 'utf8'),
    state: (file: string) => join(stateDir, file),
  };
}

pruningConformance(
  'btrfs',
  async () => {
    const { mount, makeSubvolume, close } = await btrfs();
    const shop = await makeSubvolume('shop');
    const kept = join(mount, '.tidemark-snapshots');
    return {
      ...stepsOn(join(mount, 'state'), shop),
      create: (name, expiresAt) => ({
        method: 'btrfs',
        name,
        paths: [shop],
        ...(expiresAt !== undefined && { expiresAt }),
      }),
      count: () => (existsSync(kept) ? readdirSync(kept).length : 0),
      close,
    };
  },
  CUTS,
);

pruningConformance(
  'restic',
  async () => {
    const base = mkdtempSync(join(tmpdir(), 'tidemark-restic-'));
    const shop = join(base, 'shop');
    mkdirSync(shop);
    const { count, ...place } = await resticRepository(base);
    return {
      ...stepsOn(join(base, 'state'), shop),
      create: (name, expiresAt) => ({
        ...{ method: 'restic', name, paths: [shop], ...place },
        ...(expiresAt !== undefined && { expiresAt }),
      }),
      count,
      close: () => rmSync(base, { recursive: true, force: true }),
    };
  },
  CUTS,
);

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
  it('whose deletion was cut off before what it held was gone frees that when it is deleted again', async () => {
    const base = mkdtempSync(join(tmpdir(), 'tidemark-restic-'));
    const step = stepFixture();
    try {
      const { repository, passwordFile } = await resticRepository(base);
      const shop = join(base, 'shop');
      mkdirSync(shop);
      writeFileSync(join(shop, 'large'), randomBytes(2_000_000));
      const snapshots = createResticSnapshots({ repository, passwordFile }, step.context.place);
      const files = ['find', join(repository, 'data'), '-type', 'f', '-printf', '%s\n'];
      const held = async () => (await runOk(files)).split('\n').reduce((sum, size) => sum + Number(size), 0);
      const { kept } = await snapshots.create('night', [{ path: shop, at: shop }]);
      expect(await held()).toBeGreaterThan(2_000_000);
      // The first half of what "forget --prune" does.
      const reference = kept[0]?.reference ?? '';
      await runOk([
        'restic',
        '--no-cache',
        '-q',
        '--repo',
        repository,
        '--password-file',
        passwordFile,
        'forget',
        reference,
      ]);
      expect(await held()).toBeGreaterThan(2_000_000);
      await snapshots.remove(kept);
      expect(await held()).toBeLessThan(200_000);
    } finally {
      step.close();
      rmSync(base, { recursive: true, force: true });
    }
  });

  it('says how to make a repository where there is none', async () => {
    const step = stepFixture();
    const snapshots = createResticSnapshots({ repository: '/nowhere', passwordFile: '/none' }, step.context.place);
    await expect(snapshots.create('night', [])).rejects.toThrow(/is no restic repository; make one with: restic/);
    step.close();
  });
});
