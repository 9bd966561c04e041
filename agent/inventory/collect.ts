import { hostname } from 'node:os';
import type { CommandPlace } from '../platform/command.ts';
import { allHolds } from '../platform/held-units.ts';
import { readBootId } from '../platform/process.ts';
import { kernelFact } from '../platform/reboot-need.ts';
import { collectContainers } from './containers.ts';
import { collectSiteFacts } from './facts-directory.ts';
import { collectFailedUnits } from './failed-units.ts';
import { collectFromFiles } from './from-files.ts';
import { collectTimers } from './jobs.ts';
import { collectPackages } from './packages.ts';
import { collectRebootNeed } from './reboot.ts';
import { collectReleases } from './releases.ts';
import { serverFiles } from './server-files.ts';
import { collectServices } from './services.ts';
import { collectSystem } from './system.ts';

export interface CollectOptions {
  root: string;
  stateDir: string;
  factsDir: string;
  /** The agent's key to which secrets of its cluster are sealed, base64. */
  sealingKey: string;
  /** The key for secrets that the agent has taken. */
  secretKey: { name: string; generation: number; keyId: string } | null;
  place: CommandPlace;
  /** Names of facts: others are left out where they cost something. Null or left out: all. */
  only?: readonly string[] | null;
  /** The package manager is not asked: what it said before is known. */
  withoutPackages?: boolean;
}

/** What can be known about this server by looking. What cannot be found out is named in `errors`; the rest stands. */
export async function collectFacts(options: CollectOptions): Promise<Record<string, unknown>> {
  const { root, stateDir, factsDir, sealingKey, secretKey, place, only = null } = options;
  const errors: string[] = [];
  const files = serverFiles(root);
  const wants = (...names: string[]) => only === null || names.some(name => only.includes(name));
  const site = await collectSiteFacts(factsDir, root, place, only);
  errors.push(...site.errors);
  const found: Record<string, unknown> = {
    ...site.facts,
    ...(wants('os', 'memory', 'mounts') && (await collectSystem(errors))),
    ...(process.platform === 'linux' && (await collectFromFiles({ files, stateDir, wants, errors, now: Date.now() }))),
    kernel: kernelFact(root),
    bootId: readBootId(),
    hostname: hostname(),
    holds: allHolds({ stateDir }),
    sealingKey,
    secretKey: secretKey && { name: secretKey.name, generation: secretKey.generation, keyId: secretKey.keyId },
    ...(wants('packages', 'updates') && !options.withoutPackages && (await collectPackages(place, errors))),
    releases: wants('releases') ? await collectReleases(root, errors) : null,
    services: wants('services') ? await collectServices(place, errors) : null,
    failedUnits: wants('failedUnits') ? await collectFailedUnits(place, errors) : null,
    timers: wants('timers') ? await collectTimers(place, errors) : null,
    containers: wants('containers') ? await collectContainers(files, errors) : null,
    reboot: wants('reboot') ? await collectRebootNeed(place, errors) : null,
  };
  const known = Object.entries(found).filter(([, value]) => value !== null && value !== undefined);
  return { ...Object.fromEntries(known), ...(errors.length > 0 ? { errors } : {}) };
}
