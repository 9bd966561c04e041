import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DigestText } from '@tidemark/shared/orders/arguments.ts';
import { z } from 'zod';
import type { FromExecutor } from '../boundary/messages.ts';
import { readJsonFile } from '../platform/file-system.ts';
import { putJson } from '../steps/directory.ts';
import { scansIn } from '../steps/scan-run.ts';

/** Why a scan was made: beside its files, so that an upload survives the agent. */
const Origin = z.strictObject({ request: z.string(), orderDigest: DigestText.nullable() });
export type Origin = z.infer<typeof Origin>;

const NAME = /^[0-9a-f-]{36}$/;

/** Finished scans that the controller does not have yet. */
export interface Scans {
  /** A scan that a step has made is to be uploaded. */
  add(scan: string, origin: Origin): void;
  /** All that wait, to be said again after every connection; for a week, then they are removed. */
  waiting(): Extract<FromExecutor, { type: 'scan-ready' }>[];
  uploaded(scan: string): void;
  /** Removes what was begun and nobody will finish; only while no step runs. */
  removeUnfinished(): void;
}

/** What the controller has not taken by then it refuses, or it is not there: scanning again tells what is so now. */
const KEPT_MS = 7 * 24 * 3_600_000;

export function createScans(stateDir: string, now: () => number): Scans {
  const base = scansIn(stateDir);
  const originFile = (scan: string) => join(base, scan, 'origin.json');
  const names = (): string[] => (existsSync(base) ? readdirSync(base).filter(name => NAME.test(name)) : []);
  const remove = (scan: string) => rmSync(join(base, scan), { recursive: true, force: true });
  /** Since it was finished; a clock that was set back makes it younger. */
  const ageMs = (scan: string) => now() - (statSync(originFile(scan), { throwIfNoEntry: false })?.mtimeMs ?? now());
  const removeOld = () => {
    for (const scan of names()) if (ageMs(scan) > KEPT_MS) remove(scan);
  };
  return {
    add: (scan, origin) => {
      if (NAME.test(scan) && existsSync(join(base, scan))) putJson(originFile(scan), origin);
    },
    waiting: () => {
      removeOld();
      return names().flatMap(scan => {
        const origin = Origin.safeParse(readJsonFile(originFile(scan)));
        return origin.success
          ? [{ type: 'scan-ready' as const, scan, ...origin.data, directory: join(base, scan) }]
          : [];
      });
    },
    uploaded: scan => {
      if (NAME.test(scan)) remove(scan);
    },
    removeUnfinished: () => {
      for (const scan of names()) if (!existsSync(originFile(scan))) remove(scan);
    },
  };
}
