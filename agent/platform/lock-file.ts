import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { besideName } from './file-system.ts';
import { identify, isAlive, type ProcessIdentity } from './process.ts';

/** One process at a time. What a killed one left is no lock: pid and start time say that it is gone. */
export function takeLock(file: string): Result<{ release(): void }, ProcessIdentity> {
  const self = identify(process.pid);
  const draft = besideName(file, 'new');
  writeFileSync(draft, JSON.stringify(self), { flag: 'wx', mode: 0o600 });
  try {
    for (;;) {
      try {
        // A link is made whole or not at all, and fails where there is one.
        linkSync(draft, file);
        return ok({ release: () => rmSync(file, { force: true }) });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = readHolder(file);
      if (holder && isAlive(holder)) return err(holder);
      const living = setAside(file);
      if (living) return err(living);
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * Takes a lock away that nobody living holds. Between reading and removing, somebody else may have done the same and
 * taken it: what was moved aside is looked at once more and, where it is a living one's, put back.
 */
function setAside(file: string): ProcessIdentity | null {
  const aside = besideName(file, 'stale');
  try {
    renameSync(file, aside);
  } catch {
    return null;
  }
  const holder = readHolder(aside);
  const living = holder && isAlive(holder) ? holder : null;
  if (living) linkSync(aside, file);
  rmSync(aside, { force: true });
  return living;
}

/** Who holds it, alive or not; null where nobody does. */
export function readHolder(file: string): ProcessIdentity | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessIdentity;
  } catch {
    return null;
  }
}
