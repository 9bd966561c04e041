import type { CommandPlace } from '../platform/command.ts';
import { findTool } from '../platform/tools.ts';
import { systemctl } from '../platform/units.ts';

export interface ServiceFact {
  /** `active`, `inactive`, `failed`, ... */
  active: string;
  /** `running`, `exited`, `dead`, ... */
  sub: string;
}

/** More than any server has; what is beyond says nothing in a condition that its name would not say on the server. */
const MAX_SERVICES = 2_000;

/** The services that systemd has in memory, by unit; null where there is no systemd to ask. */
export async function collectServices(
  place: CommandPlace,
  errors: string[],
): Promise<Record<string, ServiceFact> | null> {
  if (findTool(place.root, 'systemctl') === null) return null;
  try {
    return parseServices(
      await systemctl(
        ['list-units', '--type=service', '--all', '--plain', '--no-legend', '--no-pager', '--full'],
        place,
      ),
    );
  } catch (error) {
    errors.push(`services: ${(error as Error).message}`);
    return null;
  }
}

/** Pure: reads `systemctl list-units --plain --no-legend`: unit, load, active, sub, description. */
export function parseServices(text: string): Record<string, ServiceFact> {
  const found: Record<string, ServiceFact> = {};
  for (const line of text.split('\n').slice(0, MAX_SERVICES)) {
    const [unit, load, active, sub] = line.trim().split(/\s+/);
    // Named by another unit, and not installed.
    if (!unit || !active || !sub || load === 'not-found') continue;
    found[unit] = { active, sub };
  }
  return found;
}
