import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { LAB_DIRECTORY } from './places.ts';

/*
 * The files of labs that are taken down: put aside under another name at once, and removed by a process of its own that
 * takes nothing from anybody and outlives whoever started it. What is left of one that was killed goes with the next.
 */

const REMOVED = 'removed-';

/** Where a lab's directory is put before it is removed. */
export const asidePlace = (): string => join(LAB_DIRECTORY, `${REMOVED}${randomUUID()}`);

/** Begins to remove all that lies aside; does not wait. */
export function removeInBackground(): void {
  if (isAnythingLeft()) remover(true).unref();
}

/** Removes all that lies aside, after whoever is at it. */
export async function finishRemoving(): Promise<void> {
  if (isAnythingLeft()) await once(remover(false), 'close');
}

const isAnythingLeft = (): boolean =>
  existsSync(LAB_DIRECTORY) && readdirSync(LAB_DIRECTORY).some(name => name.startsWith(REMOVED));

/** One at a time; each looks for what is there when its turn has come. A mount that is left over is not entered. */
function remover(isAlone: boolean) {
  const find = [LAB_DIRECTORY, '-mindepth', '1', '-maxdepth', '1', '-name', `${REMOVED}*`];
  const remove = ['-exec', 'rm', '-rf', '--one-file-system', '{}', '+'];
  const quietly = isAlone ? ['nice', '-n', '19', 'ionice', '-c', '3'] : [];
  const argv = [join(LAB_DIRECTORY, 'removing.lock'), ...quietly, 'find', ...find, ...remove];
  return spawn('flock', argv, { detached: isAlone, stdio: 'ignore', cwd: '/' });
}
