import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Lock } from './lock.ts';
import type { Platform } from './platforms.ts';

/**
 * The Node that a platform's executable is made of: as npm has installed it here, else brought by npm from the registry that npm is
 * set to; npm or this function has held it against the digest in the lock file when it came. Throws where it cannot be had.
 */
export function nodeProgram(root: string, lock: Lock, { node, program }: Platform): Buffer {
  const installed = join(root, 'node_modules', node, program);
  return readFileSync(existsSync(installed) ? installed : join(bring(root, lock, node), program));
}

function bring(root: string, lock: Lock, name: string): string {
  const locked = lock.packages[`node_modules/${name}`];
  if (!locked?.integrity) throw new Error(`package-lock.json does not name ${name} with a digest; run npm install`);
  const cache = join(root, 'node_modules/.cache/tidemark');
  const place = join(cache, `${name}-${locked.version}`);
  if (existsSync(place)) return join(place, 'package');
  mkdirSync(cache, { recursive: true });
  const building = mkdtempSync(join(cache, '.bringing-'));
  try {
    const pack = ['pack', '--silent', '--pack-destination', building, `${name}@${locked.version}`];
    const file = join(building, execFileSync('npm', pack, { cwd: root, encoding: 'utf8' }).trim());
    const integrity = `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`;
    if (integrity !== locked.integrity)
      throw new Error(`${name}@${locked.version} is not what package-lock.json names: ${integrity}`);
    execFileSync('tar', ['-xzf', file, '-C', building]);
    rmSync(file);
    renameSync(building, place);
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
  return join(place, 'package');
}
