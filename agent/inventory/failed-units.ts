import type { CommandPlace } from '../platform/command.ts';
import { findTool } from '../platform/tools.ts';
import { listUnits } from '../platform/units.ts';

/** Units of systemd that have failed, of every type; null where there is no systemd to ask. */
export async function collectFailedUnits(place: CommandPlace, errors: string[]): Promise<string[] | null> {
  if (findTool(place.root, 'systemctl') === null) return null;
  try {
    return await listUnits({ states: 'failed' }, place);
  } catch (error) {
    errors.push(`failedUnits: ${(error as Error).message}`);
    return null;
  }
}
