import { hostname } from 'node:os';
import type { CommandPlace } from '../platform/command.ts';
import { allHolds } from '../platform/held-units.ts';
import { readBootId } from '../platform/process.ts';
import { kernelFact } from '../platform/reboot-need.ts';
import { collectSiteFacts } from './facts-directory.ts';
import { collectFailedUnits } from './failed-units.ts';
import { collectPackages } from './packages.ts';
import { collectRebootNeed } from './reboot.ts';
import { collectReleases } from './releases.ts';
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
}

/** What can be known about this server by looking. What cannot be found out is named in `errors`; the rest stands. */
export async function collectFacts(options: CollectOptions): Promise<Record<string, unknown>> {
  const { root, stateDir, factsDir, sealingKey, secretKey, place, only = null } = options;
  const errors: string[] = [];
  const wanted = (...names: string[]) => only === null || names.some(name => only.includes(name));
  const system = wanted('os', 'memory', 'mounts') ? await collectSystem(errors) : {};
  const releases = wanted('releases') ? await collectReleases(root, errors) : null;
  const software = wanted('packages', 'updates') ? await collectPackages(place, errors) : null;
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
    holds: allHolds({ stateDir }),
    sealingKey,
    ...(releases ? { releases } : {}),
    ...(secretKey
      ? { secretKey: { name: secretKey.name, generation: secretKey.generation, keyId: secretKey.keyId } }
      : {}),
    ...(software?.packages ? { packages: software.packages } : {}),
    ...(software?.updates ? { updates: software.updates } : {}),
    ...(services ? { services } : {}),
    ...(failedUnits ? { failedUnits } : {}),
    ...(reboot ? { reboot } : {}),
    ...(errors.length > 0 ? { errors } : {}),
  };
}
