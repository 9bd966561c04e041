import { mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { CommandPlace } from './command.ts';
import { readJsonFile, syncDirectory, writeFileAtomically } from './file-system.ts';
import { systemctl, unitStates } from './units.ts';

/*
 * Units that are kept from starting: stopped, and with a condition that is never met, so that neither a boot nor a
 * package's script nor a person's habit starts them. What was active before is written down first:
 *
 *   <stateDir>/holds/<hold>.json                                what is held, and what of it was active
 *   /etc/systemd/system/<unit>.d/50-tidemark-hold-<hold>.conf   the condition
 */

const Hold = z.strictObject({
  format: z.literal('tidemark/hold/v1'),
  hold: z.string(),
  heldAt: z.int(),
  units: z.array(z.strictObject({ unit: z.string(), wasActive: z.boolean() })),
});
type Hold = z.infer<typeof Hold>;
export type HeldUnit = Hold['units'][number];

export interface HoldPlace {
  stateDir: string;
  /** Where `/etc/systemd/system` lies. */
  unitDirectory: string;
  command: CommandPlace;
}

/**
 * Keeps the units that `find` names from running. A hold of that name that is there stays as it is, whatever is active
 * by now: only the first look saw the server as it was.
 */
export async function holdUnits(
  hold: string,
  find: () => Promise<readonly string[]>,
  now: number,
  place: HoldPlace,
): Promise<{ units: HeldUnit[]; again: boolean }> {
  const before = readHold(hold, place);
  const units = before?.units ?? (await look(await find(), place));
  if (!before) {
    await mkdir(holdsIn(place), { recursive: true, mode: 0o700 });
    const record: Hold = { format: 'tidemark/hold/v1', hold, heldAt: now, units };
    await writeFileAtomically(fileOf(hold, place), `${JSON.stringify(record, null, 2)}\n`);
  }
  for (const { unit } of units) {
    const file = conditionOf(unit, hold, place);
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
    await writeFileAtomically(file, conditionText(hold), 0o644);
  }
  await systemctl(['daemon-reload'], place.command);
  if (units.length > 0) await systemctl(['stop', '--', ...units.map(({ unit }) => unit)], place.command);
  const up = (await unitStates(names(units), place.command)).filter(({ active }) => active === 'active');
  if (up.length > 0) throw new Error(`${names(up).join(', ')} did not stop; see systemctl status`);
  return { units, again: before !== null };
}

/** Null where nothing is held under that name. */
export async function releaseUnits(
  hold: string,
  place: HoldPlace,
): Promise<{ started: string[]; gone: string[]; leftHeld: string[] } | null> {
  const record = readHold(hold, place);
  if (!record) return null;
  for (const { unit } of record.units) {
    const file = conditionOf(unit, hold, place);
    await rm(file, { force: true });
    removeEmpty(dirname(file));
  }
  await systemctl(['daemon-reload'], place.command);
  const others = new Set(holdsBut(hold, place).flatMap(({ units }) => names(units)));
  const toStart = record.units.filter(({ unit, wasActive }) => wasActive && !others.has(unit));
  const states = await unitStates(names(toStart), place.command);
  // What the patch took away cannot be started, and need not be.
  const gone = names(states.filter(({ load }) => load === 'not-found'));
  const started = names(toStart).filter(unit => !gone.includes(unit));
  if (started.length > 0) await systemctl(['start', '--', ...started], place.command);
  const down = (await unitStates(started, place.command)).filter(({ active }) => active !== 'active');
  if (down.length > 0) throw new Error(`${names(down).join(', ')} did not start; see systemctl status`);
  // Last: until then a second attempt knows what is left to do.
  await rm(fileOf(hold, place));
  await syncDirectory(holdsIn(place));
  return { started, gone, leftHeld: names(record.units).filter(unit => others.has(unit)) };
}

/** All that is held, for people: by whom it is to be released, since when, and what of it runs again then. */
export const allHolds = (place: Pick<HoldPlace, 'stateDir'>): { hold: string; heldAt: number; units: string[] }[] =>
  holdsBut(null, place).map(({ hold, heldAt, units }) => ({
    hold,
    heldAt,
    units: names(units.filter(({ wasActive }) => wasActive)),
  }));

/** A unit that another hold has stopped is active as far as that one found it so. */
async function look(found: readonly string[], place: HoldPlace): Promise<HeldUnit[]> {
  const held = new Map(holdsBut(null, place).flatMap(({ units }) => units.map(each => [each.unit, each.wasActive])));
  const states = await unitStates(found, place.command);
  return states.map(({ unit, active }) => ({
    unit,
    wasActive: active === 'active' || active === 'activating' || held.get(unit) === true,
  }));
}

const names = (units: readonly { unit: string }[]): string[] => units.map(({ unit }) => unit);
const holdsIn = ({ stateDir }: Pick<HoldPlace, 'stateDir'>): string => join(stateDir, 'holds');
const fileOf = (hold: string, place: Pick<HoldPlace, 'stateDir'>): string => join(holdsIn(place), `${hold}.json`);
const conditionOf = (unit: string, hold: string, { unitDirectory }: HoldPlace): string =>
  join(unitDirectory, `${unit}.d`, `50-tidemark-hold-${hold}.conf`);

/** The root directory always exists. */
const conditionText = (hold: string): string =>
  `# Held while this server is patched (hold ${hold}). Removed by the release; by hand: delete this file and run\n` +
  '# systemctl daemon-reload.\n[Unit]\nConditionPathExists=!/\n';

function readHold(hold: string, place: Pick<HoldPlace, 'stateDir'>): Hold | null {
  const parsed = Hold.safeParse(readJsonFile(fileOf(hold, place)));
  return parsed.success ? parsed.data : null;
}

function holdsBut(hold: string | null, place: Pick<HoldPlace, 'stateDir'>): Hold[] {
  let files: string[];
  try {
    files = readdirSync(holdsIn(place));
  } catch {
    return [];
  }
  return files
    .filter(file => file.endsWith('.json') && file !== `${hold}.json`)
    .flatMap(file => readHold(file.slice(0, -'.json'.length), place) ?? []);
}

function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // Somebody else's settings are in it, or it was never made.
  }
}
