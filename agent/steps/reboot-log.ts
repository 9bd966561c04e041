import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { readJsonFile } from '../platform/file-system.ts';
import { putJson } from './directory.ts';

/** A reboot that a step asked for. */
const Reboot = z.strictObject({
  /** Which attempt at which job: `3 forward 1`. */
  step: z.string(),
  fromBootId: z.string(),
  /** Milliseconds since the epoch, by this server's clock. */
  askedAt: z.number(),
  /** Since that boot, by a clock that never jumps. */
  askedUptimeMs: z.number(),
  kernel: z.string(),
  /** Null as long as the server has not come back, or did not go down. */
  back: z.strictObject({ bootId: z.string(), at: z.number(), kernel: z.string() }).nullable(),
  /** The server stayed up. */
  gaveUp: z.boolean(),
});
export type Reboot = z.infer<typeof Reboot>;

const RebootLogFile = z.strictObject({ order: z.string(), reboots: z.array(Reboot) });

/** All reboots of one order, on the disk: it is what is left of a reboot step once the server goes down. */
export interface RebootLog {
  read(): Reboot[];
  write(reboots: readonly Reboot[]): void;
}

const logsIn = (stateDir: string): string => join(stateDir, 'reboots');
const nameOf = (order: string): string => `${createHash('sha256').update(order).digest('hex').slice(0, 32)}.json`;

export function openRebootLog(stateDir: string, order: string): RebootLog {
  const directory = logsIn(stateDir);
  const file = join(directory, nameOf(order));
  return {
    read() {
      const parsed = RebootLogFile.safeParse(readJsonFile(file));
      return parsed.success ? parsed.data.reboots : [];
    },
    write(reboots) {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      putJson(file, { order, reboots });
    },
  };
}

/** Orders that are over never reboot again. */
export function removeRebootLogs(stateDir: string, except: readonly string[]): void {
  const kept = new Set(except.map(nameOf));
  let names: string[];
  try {
    names = readdirSync(logsIn(stateDir));
  } catch {
    return;
  }
  for (const name of names) if (!kept.has(name)) rmSync(join(logsIn(stateDir), name), { force: true });
}
