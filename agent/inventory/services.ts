import type { SectionContent } from '@tidemark/shared/inventory/kinds.ts';
import type { CommandPlace } from '../platform/command.ts';
import { findTool } from '../platform/tools.ts';
import { systemctl } from '../platform/units.ts';

type Services = SectionContent<'services'>;

/** More than any server has; what is beyond says nothing in a condition that its name would not say on the server. */
const MAX_SERVICES = 2_000;

/** The services that systemd has in memory, by unit; null where there is no systemd to ask. */
export async function collectServices(place: CommandPlace, errors: string[]): Promise<Services | null> {
  if (findTool(place.root, 'systemctl') === null) return null;
  const list = (what: string, ...more: string[]) =>
    systemctl([what, '--type=service', '--plain', '--no-legend', '--no-pager', '--full', ...more], place);
  try {
    return parseServices(await list('list-units', '--all'), await list('list-unit-files'));
  } catch (error) {
    errors.push(`services: ${(error as Error).message}`);
    return null;
  }
}

/**
 * Pure: reads `systemctl list-units` (unit, load, active, sub, description) and `systemctl list-unit-files` (unit, state,
 * preset), both with `--plain --no-legend`.
 */
export function parseServices(units: string, files: string): Services {
  const enabled = new Map(words(files).map(([unit = '', state = '']) => [unit, state]));
  const found: Services = {};
  for (const [unit, load, active, sub] of words(units).slice(0, MAX_SERVICES)) {
    // Named by another unit, and not installed.
    if (!unit || !active || !sub || load === 'not-found') continue;
    found[unit] = { active, sub, enabled: enabled.get(unit) ?? enabled.get(templateOf(unit)) ?? '' };
  }
  return found;
}

/** `getty@.service` of `getty@tty1.service`. */
const templateOf = (unit: string): string => unit.replace(/@[^.]*/, '@');

const words = (text: string): string[][] => text.split('\n').map(line => line.trim().split(/\s+/));
