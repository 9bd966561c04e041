import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Of package-lock.json, what is read here. */
export interface Lock {
  packages: Readonly<Record<string, { version?: string; integrity?: string; license?: string; link?: boolean }>>;
}

export const readLock = (root: string): Lock =>
  JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock;
