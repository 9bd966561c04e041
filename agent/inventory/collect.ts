import { hostname, totalmem } from 'node:os';
import type { CommandPlace } from '../platform/command.ts';
import { readBootId } from '../platform/process.ts';
import { kernelFact } from '../platform/reboot-need.ts';
import { collectSiteFacts } from './facts-directory.ts';
import { collectFailedUnits } from './failed-units.ts';
import { collectPackages } from './packages.ts';
import { collectRebootNeed } from './reboot.ts';
import { collectReleases } from './releases.ts';
import { collectServices } from './services.ts';

export interface CollectOptions {
  root: string;
  factsDir: string;
  /** The agent's key to which secrets of its cluster are sealed, base64. */
  sealingKey: string;
  place: CommandPlace;
  /** Names of facts: others are left out where they cost something. Null or left out: all. */
  only?: readonly string[] | null;
}

/** What can be known about this server by looking. What cannot be found out is named in `errors`; the rest stands. */
export async function collectFacts(options: CollectOptions): Promise<Record<string, unknown>> {
  const { root, factsDir, sealingKey, place, only = null } = options;
  const errors: string[] = [];
  const wanted = (...names: string[]) => only === null || names.some(name => only.includes(name));
  const system = wanted('os', 'memory', 'disks') ? await collectSystem(errors) : {};
  const releases = wanted('releases') ? await collectReleases(root, errors) : null;
  const packages = wanted('packages') ? await collectPackages(place, errors) : null;
  const services = wanted('services') ? await collectServices(place, errors) : null;
  const failedUnits = wanted('failedUnits') ? await collectFailedUnits(place, errors) : null;
  const reboot = wanted('reboot') ? await collectRebootNeed(place, errors) : null;
  const site = await collectSiteFacts(factsDir, root, place, only);
  errors.push(...site.errors);
  return {
    ...site.facts,
    ...system,
    kernel: kernelFact(root),
    bootId: readBootId(),
    hostname: hostname(),
    sealingKey,
    ...(releases ? { releases } : {}),
    ...(packages ? { packages } : {}),
    ...(services ? { services } : {}),
    ...(failedUnits ? { failedUnits } : {}),
    ...(reboot ? { reboot } : {}),
    ...(errors.length > 0 ? { errors } : {}),
  };
}

async function collectSystem(errors: string[]): Promise<Record<string, unknown>> {
  // Large, and needed once in a while only.
  const { default: si } = await import('systeminformation');
  const attempt = async <T>(what: string, read: () => Promise<T>): Promise<T | null> => {
    try {
      return await read();
    } catch (error) {
      errors.push(`${what}: ${(error as Error).message}`);
      return null;
    }
  };
  const os = await attempt('os', () => si.osInfo());
  const memory = await attempt('memory', () => si.mem());
  const disks = await attempt('disks', () => si.fsSize());
  return {
    os: os && { platform: os.platform, distro: os.distro, release: os.release, codename: os.codename, arch: os.arch },
    memory: { totalBytes: memory?.total ?? totalmem(), availableBytes: memory?.available ?? null },
    disks: (disks ?? []).map(disk => ({
      mount: disk.mount,
      type: disk.type,
      freeBytes: disk.available,
      totalBytes: disk.size,
    })),
  };
}
