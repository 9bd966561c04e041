import { realpathSync } from 'node:fs';
import { basename } from 'node:path';
import type { CommandPlace } from './command.ts';
import { ONLY_BY_BOOT } from './reboot-need.ts';
import { findUsers } from './reboot-stale-code.ts';
import { resolveBelow } from './server-path.ts';
import { findTool } from './tools.ts';
import { unitStates } from './units.ts';

/** A unit of systemd at work that goes on with the old files when they are replaced. */
export interface PackageUser {
  unit: string;
  /** Nothing short of a boot starts it anew. */
  byBoot: boolean;
}

const UNIT_FILE = /^\/(?:usr\/)?lib\/systemd\/system\/[^/]+\.service$/;

/** Who uses these files (server paths): by its mappings, or because its unit is among them. By name. */
export async function usersOf(files: readonly string[], place: CommandPlace): Promise<PackageUser[]> {
  const real = new Set(files.flatMap(path => realPath(resolveBelow(place.root, path))));
  const { processes } = await findUsers(real);
  const units = new Map(processes.flatMap(({ pid, unit }) => (unit === null ? [] : [[unit, pid === 1] as const])));
  for (const unit of await activeOf(files, place)) units.set(unit, units.get(unit) ?? false);
  return [...units]
    .map(([unit, isInit]) => ({ unit, byBoot: isInit || ONLY_BY_BOOT.has(unit) }))
    .sort((a, b) => (a.unit < b.unit ? -1 : 1));
}

async function activeOf(files: readonly string[], place: CommandPlace): Promise<string[]> {
  const units = files.filter(path => UNIT_FILE.test(path) && !path.includes('@.')).map(path => basename(path));
  if (units.length === 0 || findTool(place.root, 'systemctl') === null) return [];
  const states = await unitStates([...new Set(units)], place);
  return states.filter(({ active, sub }) => active === 'active' && sub === 'running').map(({ unit }) => unit);
}

function realPath(path: string): string[] {
  try {
    return [realpathSync(path)];
  } catch {
    return [];
  }
}
