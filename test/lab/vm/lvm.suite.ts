import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { snapshotConformance } from '@tidemark/agent/platform/snapshot.conformance.ts';
import { createLvmSnapshots } from '@tidemark/agent/platform/snapshot-lvm.ts';
import { runStep } from '@tidemark/agent/steps/run.ts';
import { pruningConformance } from '@tidemark/agent/steps/snapshot-pruning.conformance.ts';
import { stepFixture } from '@tidemark/agent/testing/step-context.ts';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { stepProcesses } from '../../support/step-processes.ts';

/* Runs on the emulated machine (machine.ts): a real volume group on /dev/vdc, with a thin pool and volumes in it. */

// There is one program on that machine: called as an agent is, it does a step.
if (process.argv[2] === 'step') {
  await runStep(process.argv[3] ?? '');
  process.exit(0);
}

const MOUNT = '/srv/data';
const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
const volumes = (): string[] =>
  run('lvs', '--noheadings', '-o', 'lv_name', 'data')
    .split('\n')
    .map(line => line.trim())
    .filter(Boolean);

let made = false;
function makeGroup(): void {
  if (made) return;
  run('vgcreate', 'data', '/dev/vdc');
  run('lvcreate', '--type', 'thin-pool', '-L', '200M', '-n', 'pool', 'data');
  made = true;
}

function makeVolume(type: string): void {
  makeGroup();
  run('lvcreate', '--thin', '-V', '400M', '-n', 'home', 'data/pool');
  run(`mkfs.${type}`, '-q', '/dev/data/home');
  mkdirSync(MOUNT, { recursive: true });
  run('mount', '-t', type, '/dev/data/home', MOUNT);
}

function removeVolumes(): void {
  try {
    run('umount', MOUNT);
  } catch {
    // A test has unmounted it.
  }
  for (const volume of volumes().filter(each => each !== 'pool')) run('lvremove', '--yes', `data/${volume}`);
}

const kept = (): number => volumes().filter(each => /\.tidemark-[0-9a-f]{16}$/.test(each)).length;

for (const type of ['ext4', 'xfs']) {
  snapshotConformance(`lvm (${type})`, () => {
    makeVolume(type);
    const step = stepFixture();
    return {
      snapshots: createLvmSnapshots(step.context.place),
      makeDirectory(name: string) {
        mkdirSync(join(MOUNT, name));
        return join(MOUNT, name);
      },
      count: kept,
      close() {
        step.close();
        removeVolumes();
      },
    };
  });
}

pruningConformance(
  'lvm',
  () => {
    makeVolume('ext4');
    const [stateDir, shop] = [mkdtempSync(join(tmpdir(), 'tidemark-state-')), join(MOUNT, 'shop')];
    mkdirSync(shop);
    return {
      ...stepProcesses([process.execPath, import.meta.filename], stateDir),
      create: (name, expiresAt) => ({
        ...{ method: 'lvm', name, paths: [shop] },
        ...(expiresAt !== undefined && { expiresAt }),
      }),
      revert: name => ({ name, paths: [shop], whenWritten: 'ask' }),
      count: kept,
      write: text => writeFileSync(join(shop, 'text'), text),
      read: () => readFileSync(join(shop, 'text'), 'utf8'),
      state: file => join(stateDir, file),
      close() {
        rmSync(stateDir, { recursive: true });
        removeVolumes();
      },
    };
  },
  // Emulated: until here a step has come to its work, and until there it has not ended.
  [4_000, 8_000],
);

describe('a snapshot of a whole thin volume', () => {
  let step: ReturnType<typeof stepFixture>;
  const snapshots = () => createLvmSnapshots(step.context.place);
  const whole = { path: MOUNT, at: MOUNT };
  const text = () => readFileSync(join(MOUNT, 'file'), 'utf8');
  const put = (content: string) => writeFileSync(join(MOUNT, 'file'), content);

  beforeAll(makeGroup);
  beforeEach(() => {
    step = stepFixture();
    makeVolume('ext4');
    put('one');
  });
  afterEach(() => {
    step.close();
    removeVolumes();
  });

  it('comes back in its place, as often as it is asked for, and the snapshot stays', async () => {
    const { kept: all } = await snapshots().create('night', [whole]);
    for (const content of ['two', 'three']) {
      put(content);
      writeFileSync(join(MOUNT, 'more'), content);
      for (const each of all) await snapshots().revert(each, whole);
      expect(text()).toBe('one');
      expect(existsSync(join(MOUNT, 'more'))).toBe(false);
    }
    expect(volumes().filter(each => each.includes('tidemark')).length).toBe(1);
  });

  it('is left as it is while somebody uses it, who is told to stop', async () => {
    const { kept: all } = await snapshots().create('night', [whole]);
    put('two');
    const before = process.cwd();
    process.chdir(MOUNT);
    try {
      for (const each of all)
        await expect(snapshots().revert(each, whole)).rejects.toThrow(/is in use, so nothing was put back/);
    } finally {
      process.chdir(before);
    }
    expect(text()).toBe('two');
  });

  it('comes back after an attempt that was cut off between the two volumes', async () => {
    const { kept: all } = await snapshots().create('night', [whole]);
    put('two');
    run('umount', MOUNT);
    run('lvrename', 'data/home', 'data/home.tidemark-old');
    writeFileSync('/etc/fstab', `/dev/data/home ${MOUNT} ext4 defaults 0 0\n`);
    for (const each of all) await snapshots().revert(each, whole);
    expect(text()).toBe('one');
    expect(volumes().includes('home.tidemark-old')).toBe(false);
  });

  it('is refused where the pool could not hold what changes, and nothing is made', async () => {
    writeFileSync(join(MOUNT, 'large'), Buffer.alloc(120 * 1024 * 1024, 1));
    run('sync');
    await expect(snapshots().create('night', [whole])).rejects.toThrow(/thin pool data\/pool has .* free/);
    expect(kept()).toBe(0);
  });

  it('is refused on what is no thin volume and no volume at all', async () => {
    run('lvcreate', '--yes', '-L', '64M', '-n', 'thick', 'data');
    run('mkfs.ext4', '-q', '/dev/data/thick');
    mkdirSync('/srv/thick', { recursive: true });
    run('mount', '/dev/data/thick', '/srv/thick');
    const create = (path: string) => snapshots().create('night', [{ path, at: path }]);
    await expect(create('/srv/thick')).rejects.toThrow(/data\/thick, which is no thin volume/);
    await expect(create('/etc')).rejects.toThrow(/which is no volume of LVM/);
    await expect(create('/')).rejects.toThrow(/cannot be put back while the server runs/);
    run('umount', '/srv/thick');
  });
});
