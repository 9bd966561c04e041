import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { StoreError } from './errors.ts';
import { startTicks } from './process-identity.ts';

/**
 * Says that this process works on a state directory, so that a second controller is refused before it touches the
 * database of the first. Gives back what takes that word back. What a killed process left is taken over.
 */
export function own(file: string, self = process.pid): () => void {
  const fresh = `${file}.${self}`;
  writeFileSync(fresh, `${self} ${startTicks(self)}\n`);
  try {
    for (let attempt = 0; ; attempt++) {
      if (linkIfFree(fresh, file)) return () => rmSync(file, { force: true });
      const holder = holderOf(file);
      if (holder !== null)
        throw new StoreError(
          'in-use',
          `another controller (process ${holder}) works on this state directory: stop it first, or choose another directory with --state`,
        );
      if (attempt === 3)
        throw new StoreError('in-use', `another controller starts on this state directory at this moment (${file})`);
      rmSync(file, { force: true });
    }
  } finally {
    rmSync(fresh, { force: true });
  }
}

/** A link is made whole or not at all, so nobody reads a file that is not written yet. */
function linkIfFree(fresh: string, file: string): boolean {
  try {
    linkSync(fresh, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** The living process that the file names. */
function holderOf(file: string): number | null {
  try {
    const [pid, ticks] = readFileSync(file, 'utf8').trim().split(' ');
    return startTicks(Number(pid)) === ticks ? Number(pid) : null;
  } catch {
    return null;
  }
}
