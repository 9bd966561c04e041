import fs from 'node:fs';
import { join } from 'node:path';

/** Names of users and groups by number, as the scanned server knows them. */
export interface Owners {
  user(id: bigint): string;
  group(id: bigint): string;
}

/** Reads `etc/passwd` and `etc/group` below `root`, or this machine's where there are none. */
export function readOwners(root: string): Owners {
  const users = readNames(root, 'passwd');
  const groups = readNames(root, 'group');
  return {
    user: id => users.get(String(id)) ?? `#${id}`,
    group: id => groups.get(String(id)) ?? `#${id}`,
  };
}

function readNames(root: string, file: string): Map<string, string> {
  const names = new Map<string, string>();
  for (const line of readFirst([join(root, 'etc', file), join('/etc', file)]).split('\n')) {
    const [name, , id] = line.split(':');
    // The first name of a number is the one that the system shows.
    if (name && id && !names.has(id)) names.set(id, name);
  }
  return names;
}

function readFirst(files: string[]): string {
  for (const file of files) {
    try {
      return fs.readFileSync(file, 'utf8');
    } catch {
      // Not there or not readable: numbers then stand for names.
    }
  }
  return '';
}
