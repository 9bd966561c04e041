import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { readJsonFile, syncDirectory, writeFileAtomically } from '../platform/file-system.ts';
import type { StepContext } from './executor.ts';

/**
 * How something was before a step touched it, so that its counterpart puts back that and not what is usual: a server that
 * a person had taken out of service stays out. Lies in `<stateDir>/before/`.
 */
export interface Before<T> {
  /** What was written down; undefined where nothing is. */
  read(): T | undefined;
  /** Writes it down unless that was done already: only the first look saw it untouched. Gives what counts. */
  keep(value: T): Promise<T>;
  forget(): Promise<void>;
}

export function beforeOf<T>(of: readonly string[], schema: z.ZodType<T>, { stateDir }: StepContext): Before<T> {
  const directory = join(stateDir, 'before');
  const name = createHash('sha256').update(JSON.stringify(of)).digest('hex').slice(0, 32);
  const file = join(directory, `${name}.json`);
  const read = (): T | undefined => {
    const parsed = schema.safeParse((readJsonFile(file) as { was?: unknown } | undefined)?.was);
    return parsed.success ? parsed.data : undefined;
  };
  return {
    read,
    async keep(value) {
      const known = read();
      if (known !== undefined) return known;
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await writeFileAtomically(file, `${JSON.stringify({ of, was: value }, null, 2)}\n`);
      return value;
    },
    async forget() {
      await rm(file, { force: true });
      await syncDirectory(directory).catch(() => undefined);
    },
  };
}
