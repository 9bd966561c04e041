import { mkdirSync, writeFileSync } from 'node:fs';
import { findRebootNeed } from '@tidemark/agent/platform/reboot-need.ts';
import { expect, it } from 'vitest';
import { ensureBase } from './base.ts';
import { runOk } from './command.ts';
import { ensureFamily, REPOSITORY_FILES, rpmSource } from './families.ts';
import { cloneTree, type PackageTree, serveFiles } from './package-tree.ts';

/* What dnf and zypper themselves say of a reboot: in trees, since both ask files and the package database only. */

async function inTree(family: 'rpm' | 'zypper', work: (tree: PackageTree, repository: string) => Promise<void>) {
  const { tree: lower, repository } = await ensureFamily(await ensureBase(), family);
  const tree = await cloneTree(lower);
  const server = await serveFiles(repository ?? '');
  try {
    await work(tree, server.url);
  } finally {
    await tree.close();
    await server.close();
  }
}

const reasons = async ({ place }: PackageTree, source: string) =>
  (await findRebootNeed(place)).reasons.filter(each => each.source === source).map(({ message }) => message);

it('dnf needs-restarting asks for a reboot once a core package is newer than the boot, and not before', () =>
  inTree('rpm', async (tree, address) => {
    writeFileSync(tree.path(REPOSITORY_FILES.rpm), rpmSource('stable', address));
    const core = tree.path('/etc/dnf/plugins/needs-restarting.d');
    mkdirSync(core, { recursive: true });
    writeFileSync(`${core}/lab.conf`, 'demo-lib\n');
    expect(await reasons(tree, 'dnf')).toEqual([]);
    await runOk(['chroot', tree.root, 'dnf', '-y', '-q', 'install', 'demo-lib']);
    expect(await reasons(tree, 'dnf')).toEqual([expect.stringMatching(/a reboot is required, because of demo-lib$/)]);
  }));

it('zypper needs-rebooting ends with 102 once its mark is there, and not before', () =>
  inTree('zypper', async tree => {
    const zypper = async () => {
      const { run } = await import('./command.ts');
      return (await run(['chroot', tree.root, 'zypper', '--quiet', '--non-interactive', 'needs-rebooting'])).code;
    };
    expect([await zypper(), await reasons(tree, 'zypper')]).toEqual([0, []]);
    mkdirSync(tree.path('/run'), { recursive: true });
    writeFileSync(tree.path('/run/reboot-needed'), '');
    expect(await zypper()).toBe(102);
    expect((await findRebootNeed(tree.place)).reasons.map(({ source }) => source)).toContain('marker');
  }));
