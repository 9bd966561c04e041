import { hostname, release as kernelRelease, totalmem } from 'node:os';
import type { CommandPlace } from '../platform/command.ts';
import { readBootId } from '../platform/process.ts';
import { collectSiteFacts } from './facts-directory.ts';
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
}

/** What can be known about this server by looking. What cannot be found out is named in `errors`; the rest stands. */
export async function collectFacts({
  root,
  factsDir,
  sealingKey,
  place,
}: CollectOptions): Promise<Record<string, unknown>> {
  const errors: string[] = [];
  const system = await collectSystem(errors);
  const releases = await collectReleases(root, errors);
  const packages = await collectPackages(place, errors);
  const services = await collectServices(place, errors);
  const reboot = await collectRebootNeed(place, errors);
  const site = await collectSiteFacts(factsDir, root, place);
  errors.push(...site.errors);
  return {
    ...site.facts,
    ...system,
    kernel: kernelRelease(),
    bootId: readBootId(),
    hostname: hostname(),
    releases,
    sealingKey,
    ...(packages ? { packages } : {}),
    ...(services ? { services } : {}),
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
