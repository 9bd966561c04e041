import { lstatSync, mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { CommandPlace } from './command.ts';
import { readJsonFile, syncDirectory, writeFileAtomically } from './file-system.ts';
import { readBootId } from './process.ts';
import { resolveBelow } from './server-path.ts';
import { ServiceProblem } from './service.ts';
import { systemctl, unitStates } from './units.ts';

/*
 * Units are masked by links to /dev/null in /run/systemd/system.control. Links in /run are gone after a boot, and those in
 * this directory come before /etc, where `systemctl mask --runtime` has no effect on a unit that an administrator wrote
 * (systemd.unit(5), "Unit File Load Path"). Nobody else masks there, so what is ours is known.
 */
const MASK_DIRECTORY = '/run/systemd/system.control';

/** What was masked for one component. Lies in the state directory, so that it is known after a boot or a crash. */
const MaskRecord = z.strictObject({ component: z.string(), units: z.array(z.string()), bootId: z.string() });
type MaskRecord = z.infer<typeof MaskRecord>;

export interface UnitMasks {
  /** Masks those units that nobody has masked; the same again changes nothing. */
  mask(component: string, units: readonly string[]): Promise<{ masked: string[]; others: string[] }>;
  /** Takes back what `mask` did for the component. `booted`: since then the server booted, which had released them. */
  unmask(component: string): Promise<{ released: string[]; booted: boolean }>;
}

export function createUnitMasks(stateDir: string, place: CommandPlace): UnitMasks {
  const records = join(stateDir, 'masks');
  const links = resolveBelow(place.root, MASK_DIRECTORY);
  const fileOf = (component: string) => join(records, `${component}.json`);
  const linkOf = (unit: string) => join(links, unit);

  const readRecord = (file: string): MaskRecord | null => {
    const parsed = MaskRecord.safeParse(readJsonFile(file));
    return parsed.success ? parsed.data : null;
  };
  const heldByOthers = (component: string): Set<string> =>
    new Set(
      namesIn(records)
        .map(name => readRecord(join(records, name)))
        .flatMap(record => (record && record.component !== component ? record.units : [])),
    );

  return {
    async mask(component, units) {
      const bootId = readBootId();
      const before = readRecord(fileOf(component));
      const mine = new Set(before?.units ?? []);
      const shared = heldByOthers(component);
      const states = await unitStates(units, place);
      const missing = states.find(({ load }) => load === 'not-found');
      if (missing) throw new ServiceProblem(`there is no ${missing.unit} on this server, so it cannot be masked`);
      const wanted: string[] = [];
      const others: string[] = [];
      for (const { unit, load } of states) {
        if (load !== 'masked' || mine.has(unit) || shared.has(unit)) wanted.push(unit);
        else others.push(unit);
      }
      // Before the links: what is in the record and was not masked does no harm, what was masked and is not in it would
      // stay so.
      mkdirSync(records, { recursive: true, mode: 0o700 });
      const all = [...new Set([...mine, ...wanted])];
      await writeFileAtomically(
        fileOf(component),
        JSON.stringify({ component, units: all, bootId } satisfies MaskRecord),
      );
      mkdirSync(links, { recursive: true, mode: 0o755 });
      for (const unit of wanted) {
        if (isMaskLink(linkOf(unit))) continue;
        if (lstatSync(linkOf(unit), { throwIfNoEntry: false }))
          throw new ServiceProblem(`${linkOf(unit)} is there and no mask; remove it (somebody made it) and try again`);
        symlinkSync('/dev/null', linkOf(unit));
      }
      await systemctl(['daemon-reload'], place);
      const open = (await unitStates(wanted, place)).filter(({ load }) => load !== 'masked');
      if (open.length > 0)
        throw new ServiceProblem(
          `${open.map(({ unit }) => unit).join(', ')} cannot be masked: systemd still takes another file for it`,
        );
      return { masked: wanted, others };
    },

    async unmask(component) {
      const record = readRecord(fileOf(component));
      if (!record) return { released: [], booted: false };
      const shared = heldByOthers(component);
      const linked = record.units.filter(unit => isMaskLink(linkOf(unit)) && !shared.has(unit));
      for (const unit of linked) rmSync(linkOf(unit));
      // Also where no link is left: the one who removed them may have been cut off before this.
      await systemctl(['daemon-reload'], place);
      rmSync(fileOf(component), { force: true });
      await syncDirectory(records);
      return { released: linked, booted: record.bootId !== readBootId() };
    },
  };
}

function isMaskLink(path: string): boolean {
  try {
    return readlinkSync(path) === '/dev/null';
  } catch {
    return false;
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).filter(name => name.endsWith('.json'));
  } catch {
    return [];
  }
}
