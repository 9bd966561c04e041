import { readFileSync } from 'node:fs';
import { stat, statfs } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { SectionContent } from '@tidemark/shared/inventory/kinds.ts';
import { type Mount, mountsIn } from '../platform/mounts.ts';

type OsFact = SectionContent<'os'>;
type MountFact = SectionContent<'mounts'>[number];
type MemoryFact = SectionContent<'memory'>;

/**
 * The operating system, memory and file systems. Read from files where there is Linux: systeminformation starts some eighteen
 * processes for it, which on a small server is more than all the rest of the facts. Elsewhere it is asked.
 */
export async function collectSystem(
  errors: string[],
): Promise<{ os: OsFact | null; memory: MemoryFact | null; mounts: MountFact[] }> {
  const attempt = async <T>(what: string, look: () => T | Promise<T>): Promise<T | null> => {
    try {
      return await look();
    } catch (error) {
      errors.push(`${what}: ${(error as Error).message}`);
      return null;
    }
  };
  const isLinux = process.platform === 'linux';
  return {
    os: await attempt('os', isLinux ? readOs : askOs),
    memory: await attempt('memory', isLinux ? readMemory : askMemory),
    mounts: (await attempt('mounts', isLinux ? () => readMounts(errors) : askMounts)) ?? [],
  };
}

// -- Linux --------------------------------------------------------------------------------------------------------------

/** In this order, os-release(5). */
const OS_RELEASE = ['/etc/os-release', '/usr/lib/os-release'];

function readOs(): OsFact {
  const text = firstThatIs(OS_RELEASE);
  if (text === null) throw new Error(`${OS_RELEASE.join(' and ')} are not there`);
  const release = parseOsRelease(text);
  // os-release says `12` where the point release is 12.9.
  const point = release.id === 'debian' ? firstThatIs(['/etc/debian_version'])?.trim() : undefined;
  const version = point !== undefined && /^\d+(\.\d+)*$/.test(point) ? point : release.version;
  return { platform: process.platform, ...release, version, arch: process.arch };
}

/** Pure: reads os-release(5). */
export function parseOsRelease(text: string): Omit<OsFact, 'platform' | 'arch'> {
  const value = (name: string): string => {
    const found = new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1]?.trim() ?? '';
    return found.replace(/^(["'])(.*)\1$/, '$2').replace(/\\(["'$`\\])/g, '$1');
  };
  const distro = value('NAME') || 'unknown';
  const pretty = value('PRETTY_NAME');
  // "Debian GNU/Linux 12 (bookworm)"
  const said = pretty.startsWith(`${distro} `) ? pretty.slice(distro.length + 1) : value('VERSION');
  const [, release = '', codename] = /^([^(]*)(?:\(([^)]*)\))?/.exec(said) ?? [];
  return {
    id: value('ID') || 'linux',
    like: value('ID_LIKE')
      .split(/\s+/)
      .filter(word => word !== ''),
    version: value('VERSION_ID'),
    distro,
    release: release.trim() || value('VERSION_ID') || 'unknown',
    codename: codename?.trim() ?? value('VERSION_CODENAME'),
  };
}

function readMemory(): MemoryFact {
  const text = readFileSync('/proc/meminfo', 'utf8');
  const bytes = (name: string): number | null => {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1];
    return found === undefined ? null : Number(found) * 1024;
  };
  return { totalBytes: totalmem(), availableBytes: bytes('MemAvailable'), swapBytes: bytes('SwapTotal') ?? 0 };
}

async function readMounts(errors: string[]): Promise<MountFact[]> {
  const mounts = diskMounts(mountsIn(readFileSync('/proc/self/mountinfo', 'utf8')));
  // What a pool has only its own command says, and systeminformation knows how to ask it.
  if (mounts.some(({ type }) => type === 'zfs')) return askMounts();
  const seen = new Set<number>();
  const found: MountFact[] = [];
  for (const { at, type, source, options } of mounts) {
    const space = await Promise.race([spaceOf(at), delay(ANSWERS_WITHIN_MS, 'late' as const, { ref: false })]);
    if (space === 'late') errors.push(`mounts: ${at} (${type}) does not answer`);
    if (space === null || space === 'late' || space.totalBytes === 0 || seen.has(space.device)) continue;
    seen.add(space.device);
    const readOnly = options.split(',').includes('ro');
    const { freeBytes, totalBytes } = space;
    found.push({ mount: at, source, type, readOnly, freeBytes, totalBytes });
  }
  return found;
}

/** A file server that is away answers never; the other disks stand. */
const ANSWERS_WITHIN_MS = 5_000;

/** What lies in memory, or is a file in another file system. */
const NO_DISK =
  /^(rootfs|squashfs|cramfs|devtmpfs|tmpfs|ramfs|proc|sysfs|cgroup2?|autofs|nsfs)$|^fuse\.(snapfuse|lxcfs)$/;

/** Pure: those that can be full, each place once (the last mounted there hides the others), shortest path first. */
export function diskMounts(mounts: readonly Mount[]): Mount[] {
  const seen = new Map(mounts.map(mount => [mount.at, mount]));
  return [...seen.values()]
    .filter(({ type, source, at }) => !NO_DISK.test(type) && (at === '/' || source.includes('/')))
    .sort((a, b) => a.at.length - b.at.length);
}

/** Null where it cannot be looked at: it was unmounted meanwhile, or is another user's. */
async function spaceOf(mount: string): Promise<{ device: number; freeBytes: number; totalBytes: number } | null> {
  try {
    const { bavail, blocks, bsize } = await statfs(mount);
    return { device: (await stat(mount)).dev, freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch {
    return null;
  }
}

function firstThatIs(files: readonly string[]): string | null {
  for (const file of files) {
    try {
      return readFileSync(file, 'utf8');
    } catch {
      // The next one.
    }
  }
  return null;
}

// -- elsewhere ----------------------------------------------------------------------------------------------------------

/** Loaded where it is asked. */
export const loadInformation = async () => (await import('systeminformation')).default;

async function askOs(): Promise<OsFact> {
  const { platform, distro, release, codename, arch } = await (await loadInformation()).osInfo();
  const id = process.platform === 'win32' ? 'windows' : process.platform;
  return { platform, id, like: [], version: release, distro, release, codename, arch };
}

async function askMemory(): Promise<MemoryFact> {
  const { total, available, swaptotal } = await (await loadInformation()).mem();
  return { totalBytes: total, availableBytes: available, swapBytes: swaptotal };
}

async function askMounts(): Promise<MountFact[]> {
  const mounts = await (await loadInformation()).fsSize();
  return mounts.map(({ mount, fs, type, rw, available, size }) => ({
    ...{ mount, source: fs, type, readOnly: rw === false },
    ...{ freeBytes: available, totalBytes: size },
  }));
}
