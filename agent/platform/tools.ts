import { accessSync, constants } from 'node:fs';
import { resolveBelow } from './server-path.ts';

const DIRECTORIES = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** The server path of a program of the server's own; null where it is not installed. */
export function findTool(root: string, name: string): string | null {
  for (const directory of DIRECTORIES) {
    const path = `${directory}/${name}`;
    try {
      accessSync(resolveBelow(root, path), constants.X_OK);
      return path;
    } catch {
      // Not in this one.
    }
  }
  return null;
}

/** As {@link findTool}; throws where it is not installed. */
export function needTool(root: string, name: string): string {
  const found = findTool(root, name);
  if (found === null) throw new Error(`${name} is not installed on this server; install it, or leave this step out`);
  return found;
}
