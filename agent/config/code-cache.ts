import { rmSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Where Node keeps what it has compiled of this program, so that the next step need not compile it again: who may write
 * there is root, as for the rest of the state directory.
 */
export const codeCacheIn = (stateDir: string): string => join(stateDir, 'code-cache');

/** At each start of the agent: what an older version left would stay for good. */
export function clearCodeCache(stateDir: string): void {
  try {
    rmSync(codeCacheIn(stateDir), { recursive: true, force: true });
  } catch {
    // A step that an agent before this one started is writing there; nothing depends on it.
  }
}
