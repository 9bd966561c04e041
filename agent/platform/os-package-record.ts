import { mkdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { writeFileAtomically } from './file-system.ts';
import { resolveBelow } from './server-path.ts';

/*
 * What rpm, pacman and apk do not remember: that a change was cut off in the middle, and that a script of a package failed.
 * Their databases then say that the package is installed, as if all were well.
 */

const FILE = '/var/lib/tidemark-agent/unsettled-packages.json';

/** A package of which it is not known, or known not to be so, that it was set up to the end in this version. */
export interface Unsettled {
  /** As the manager names it; with its architecture where that is not the server's own. */
  key: string;
  version: string;
  why: 'cut-off' | 'script-failed';
}

const Record = z.array(z.object({ key: z.string(), version: z.string(), why: z.enum(['cut-off', 'script-failed']) }));

/** Empty where nothing is recorded, or what is there is no record. */
export function readUnsettled(root: string): Unsettled[] {
  try {
    return Record.parse(JSON.parse(readFileSync(resolveBelow(root, FILE), 'utf8')));
  } catch {
    return [];
  }
}

/** Survives a power cut: it is written before the first package changes. */
export async function writeUnsettled(root: string, entries: readonly Unsettled[]): Promise<void> {
  const path = resolveBelow(root, FILE);
  if (entries.length === 0) return rm(path, { force: true });
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  await writeFileAtomically(path, `${JSON.stringify(entries)}\n`, 0o644);
}
