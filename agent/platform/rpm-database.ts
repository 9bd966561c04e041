import { readdirSync, readFileSync } from 'node:fs';
import { release } from 'node:os';

import { describeEnd } from './command.ts';
import type { BackendState } from './file-package-backend.ts';
import { type InstalledPackage, OsPackageProblem, type VersionChange } from './os-package.ts';
import type { Tool, ToolEnd } from './os-package-tool.ts';
import { holderByPidFile, holderOfLock, type LockHolder } from './package-locks.ts';
import {
  INSTALLED_FORMAT,
  leftoversIn,
  normalRpmVersion,
  parseChangedConffiles,
  parseInstalledRpms,
} from './rpm-output.ts';
import { resolveBelow } from './server-path.ts';

/* rpm's database, which dnf and zypper have in common. */

const RPM = '/usr/bin/rpm';
/** Of which rpm-based managers keep several versions (dnf.conf(5), installonlypkgs; zypp.conf, multiversion). */
const MANY = [
  ...['installonlypkg(kernel)', 'installonlypkg(kernel-module)', 'installonlypkg(vm)', 'multiversion(kernel)'],
  'kernel',
];
/** Where rpm keeps it: before and since Fedora 36, openSUSE. */
const DATABASES = ['/usr/lib/sysimage/rpm', '/var/lib/rpm'];

export async function readRpms(tool: Tool, held: ReadonlySet<string>): Promise<BackendState> {
  const architecture = await tool.ask([RPM, '--eval', '%{_arch}']);
  const listed = await tool.ask([RPM, '-qa', '--qf', INSTALLED_FORMAT]);
  if (architecture.status !== 0 || listed.status !== 0) {
    const end = listed.status === 0 ? architecture : listed;
    throw new OsPackageProblem(
      'broken',
      `rpm's database cannot be read: ${describeEnd(end)}; repair it by hand (rpm --rebuilddb)`,
    );
  }
  const all = parseInstalledRpms(listed.text, held);
  const leftovers = new Set(await findLeftovers(tool, all));
  const seen = all.map(each => (leftovers.has(each) ? { ...each, state: 'left-over' } : each));
  return { all: seen, native: architecture.text.trim() };
}

async function findLeftovers(tool: Tool, all: readonly InstalledPackage[]): Promise<InstalledPackage[]> {
  // Nearly always there are none, and then nobody need be asked which packages may have several versions.
  if (leftoversIn(all, new Set()).length === 0) return [];
  const many = await tool.ask([RPM, '-q', '--qf', '%{NAME}\\n', ...MANY.flatMap(each => ['--whatprovides', each])]);
  return leftoversIn(all, new Set(many.text.split('\n')));
}

/** Takes older versions away that a cut-off change has left beside the newer ones; null where there are none. */
export async function removeLeftovers(tool: Tool, { all }: BackendState): Promise<ToolEnd | null> {
  const old = all.filter(({ state }) => state === 'left-over');
  if (old.length === 0) return null;
  const names = old.map(({ name, version, architecture }) => `${name}-${version.replace(/^\d+:/, '')}.${architecture}`);
  return tool.act([RPM, '--erase', '--nodeps', ...names]);
}

/** Configuration whose content is not the package's any more, or that is gone. */
export async function changedRpmConffiles(tool: Tool, names: readonly string[]): Promise<string[]> {
  const { text } = await tool.ask([RPM, '-V', '--nodeps', '--noscripts', ...names]);
  return parseChangedConffiles(text);
}

export const filesOfRpms = async (tool: Tool, names: readonly string[]): Promise<string[]> =>
  (await tool.ask([RPM, '-q', '-l', ...names])).text.split('\n');

/** Kernels that a manager would remove, without the packages that the running one came with. */
export async function withoutRunningKernel(
  tool: Tool,
  removals: readonly VersionChange[],
): Promise<{ name: string; version: string }[]> {
  const files = [`/boot/vmlinuz-${release()}`, `/lib/modules/${release()}/vmlinuz`];
  // A file that no package has is told in a line of its own.
  const { text } = await tool.ask([RPM, '-q', '--qf', '=%{EPOCHNUM}:%{VERSION}-%{RELEASE}\\n', '-f', ...files]);
  const running = new Set([...text.matchAll(/^=(\S+)$/gm)].map(([, version = '']) => normalRpmVersion(version)));
  return removals.flatMap(({ name, from }) => (from === null || running.has(from) ? [] : [{ name, version: from }]));
}

/** Who works with rpm's database, or has one of the managers' own marks. */
export function rpmLockHolder(root: string, pidFiles: readonly string[]): LockHolder | null {
  const locks = DATABASES.map(each => `${each}/.rpm.lock`);
  return holderOfLock(root, locks) ?? holderByPidFile(root, pidFiles);
}

/** Server path. */
export const rpmDatabase = (root: string): string =>
  DATABASES.find(each =>
    namesIn(resolveBelow(root, each)).some(name => name.startsWith('rpmdb') || name === 'Packages'),
  ) ?? '/var/lib/rpm';

/** Lines of a file; none where there is no such file. */
export function linesOf(root: string, path: string): string[] {
  try {
    return readFileSync(resolveBelow(root, path), 'utf8').split('\n');
  } catch {
    return [];
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
