import type { CommandPlace } from '../platform/command.ts';
import { findRebootNeed, type RebootReason } from '../platform/reboot-need.ts';

export interface RebootFact {
  required: boolean;
  reasons: RebootReason[];
  /** What runs code of replaced files, by unit (or process where there is none): at most {@link MAX_STALE}. */
  stale: { unit: string; processes: string[]; files: string[] }[];
}

const MAX_STALE = 50;
const MAX_LISTED = 10;

export async function collectRebootNeed(place: CommandPlace, errors: string[]): Promise<RebootFact | null> {
  try {
    const { required, reasons, stale } = await findRebootNeed(place);
    const byUnit = Map.groupBy(stale.processes, ({ unit, name }) => unit ?? name);
    return {
      required,
      reasons,
      stale: [...byUnit].slice(0, MAX_STALE).map(([unit, members]) => ({
        unit,
        processes: members.slice(0, MAX_LISTED).map(({ name, pid }) => `${name} ${pid}`),
        files: [...new Set(members.flatMap(({ files }) => files))].slice(0, MAX_LISTED),
      })),
    };
  } catch (error) {
    errors.push(`reboot: ${(error as Error).message}`);
    return null;
  }
}
