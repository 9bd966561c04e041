import { existsSync, readdirSync, rmSync } from 'node:fs';
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
  /** All that wait, to be said again after every connection. */
  waiting(): Extract<FromExecutor, { type: 'scan-ready' }>[];
  uploaded(scan: string): void;
  /** Removes what was begun and nobody will finish; only while no step runs. */
  removeUnfinished(): void;
}

export function createScans(stateDir: string): Scans {
  const base = scansIn(stateDir);
  const originFile = (scan: string) => join(base, scan, 'origin.json');
  const names = (): string[] => (existsSync(base) ? readdirSync(base).filter(name => NAME.test(name)) : []);
  const remove = (scan: string) => rmSync(join(base, scan), { recursive: true, force: true });
  return {
    add: (scan, origin) => {
      if (NAME.test(scan) && existsSync(join(base, scan))) putJson(originFile(scan), origin);
    },
    waiting: () =>
      names().flatMap(scan => {
        const origin = Origin.safeParse(readJsonFile(originFile(scan)));
        return origin.success
          ? [{ type: 'scan-ready' as const, scan, ...origin.data, directory: join(base, scan) }]
          : [];
      }),
    uploaded: scan => {
      if (NAME.test(scan)) remove(scan);
    },
    removeUnfinished: () => {
      for (const scan of names()) if (!existsSync(originFile(scan))) remove(scan);
    },
  };
}
