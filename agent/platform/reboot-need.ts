import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { compareDpkgVersions } from '@tidemark/shared/versions/dpkg.ts';
import type { CommandPlace } from './command.ts';
import { newestLike } from './kernels.ts';
import { findStaleCode, type StaleCode } from './reboot-stale-code.ts';
import { dnfReason, needrestartReason, zypperReason } from './reboot-tools.ts';
import { resolveBelow } from './server-path.ts';

export interface RebootReason {
  source: 'marker' | 'kernel' | 'needrestart' | 'dnf' | 'zypper' | 'process';
  /** One sentence, for people. */
  message: string;
}

/** Whether the server runs what is installed on it, or must be booted to. */
export interface RebootNeed {
  required: boolean;
  reasons: RebootReason[];
  /** What is cured by restarting services, except where it is a reason too. */
  stale: StaleCode;
}

/** Written by packages: Debian and Ubuntu (update-notifier(5)), SUSE. */
const MARKERS = ['/run/reboot-required', '/var/run/reboot-required', '/run/reboot-needed', '/boot/reboot-needed'];
/** What cannot be restarted while the server is up. */
export const ONLY_BY_BOOT: ReadonlySet<string> = new Set(['init.scope', 'dbus.service', 'dbus-broker.service']);

/** All that says that a boot is needed. What cannot be asked (a tool that is not installed) has no say. */
export async function findRebootNeed(place: CommandPlace): Promise<RebootNeed> {
  const reasons: RebootReason[] = [];
  const add = (source: RebootReason['source'], message: string | null) => {
    if (message !== null) reasons.push({ source, message });
  };
  add('marker', markerReason(place.root));
  // The kernel of a container is its host's: what is installed in the container is never booted.
  const bootsItsKernel = !isContainer(place.root);
  if (bootsItsKernel) {
    add('kernel', kernelReason(release(), installedKernels(place.root)));
    add('needrestart', await needrestartReason(place));
  }
  add('dnf', await dnfReason(place, bootsItsKernel));
  // It reads the marker that was looked for already.
  if (reasons.length === 0) add('zypper', await zypperReason(place));
  const stale = await findStaleCode(() => false);
  for (const { unit, name, pid, files } of stale.processes)
    if (pid === 1 || (unit !== null && ONLY_BY_BOOT.has(unit)))
      add('process', `${name} (process ${pid}) runs ${files[0]}, which has been replaced, and cannot be restarted`);
  return { required: reasons.length > 0, reasons, stale };
}

function markerReason(root: string): string | null {
  const marker = MARKERS.find(path => existsSync(resolveBelow(root, path)));
  if (marker === undefined) return null;
  const packages = readLines(resolveBelow(root, `${marker}.pkgs`));
  const because = packages.length > 0 ? `, because of ${[...new Set(packages)].join(', ')}` : '';
  return `${marker} is there${because}`;
}

/** As systemd-detect-virt(1) finds them, and Docker's own mark. */
function isContainer(root: string): boolean {
  return ['/run/systemd/container', '/.dockerenv', '/run/.containerenv'].some(path =>
    existsSync(resolveBelow(root, path)),
  );
}

function installedKernels(root: string): string[] {
  const images = namesIn(resolveBelow(root, '/boot')).flatMap(name => /^vmlinu[xz]-(\d.*)$/.exec(name)?.[1] ?? []);
  const modules = namesIn(resolveBelow(root, '/lib/modules')).filter(name =>
    existsSync(resolveBelow(root, `/lib/modules/${name}/vmlinuz`)),
  );
  return [...new Set([...images, ...modules])];
}

/** The kernel that runs, and the newest one installed that could run in its place: itself where there is no other. */
export function kernelFact(root: string): { running: string; newest: string; installed: string[] } {
  const running = release();
  const installed = isContainer(root) ? [] : installedKernels(root).sort();
  return { running, newest: newestOf(running, installed) ?? running, installed };
}

/** Pure: why the running kernel is not the one that the next boot takes. */
export function kernelReason(running: string, installed: readonly string[]): string | null {
  const newest = newestOf(running, installed);
  return newest === null ? null : `kernel ${running} runs, and ${newest} is installed`;
}

/** Null where none is newer. Kernels of other flavours (`cloud-amd64` beside `amd64`) do not count. */
function newestOf(running: string, installed: readonly string[]): string | null {
  const newest = newestLike(running, installed);
  return newest === undefined || compareDpkgVersions(newest, running) <= 0 ? null : newest;
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .map(line => line.trim())
      .filter(line => line !== '');
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
