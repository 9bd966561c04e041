import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isRunning, startTimeOf } from '../demo/processes.ts';
import { type LabPlaces, labPlaces, labsDirectory } from './places.ts';

/* Who a lab belongs to: the process that made it, or a person, who keeps it until "lab down". */

interface Owner {
  pid: number;
  /** Clock ticks after boot: a pid may be another's by now. */
  startTime: string;
  kept: boolean;
}

export function writeOwner(lab: LabPlaces, { kept }: { kept: boolean }): void {
  const owner: Owner = { pid: process.pid, startTime: startTimeOf(process.pid) ?? '', kept };
  writeFileSync(lab.owner, `${JSON.stringify(owner)}\n`);
}

/** Labs whose process has ended without taking them down. */
export function abandonedLabs(): LabPlaces[] {
  return allLabs().filter(lab => {
    const owner = readOwner(lab);
    return owner === null || (!owner.kept && !isRunning({ name: 'owner', ...owner }));
  });
}

export function allLabs(): LabPlaces[] {
  return existsSync(labsDirectory()) ? readdirSync(labsDirectory()).map(labPlaces) : [];
}

/** Null where it was cut off while it was made. */
function readOwner(lab: LabPlaces): Owner | null {
  try {
    return JSON.parse(readFileSync(lab.owner, 'utf8')) as Owner;
  } catch {
    return null;
  }
}
