import type { HarvestLimits } from './limits.ts';
import { HarvestProblem, shown } from './problem.ts';

/*
 * Names inside of packages: one character for each byte. Nothing is ever written under them; they are judged because a
 * package with such names is none that a vendor made, and what it says of files is not to be believed.
 */

/** A member's path below `at` (absolute, `/` for the root). Throws for one that is absolute itself or climbs. */
export function memberPath(name: string, at: string, limits: HarvestLimits): string {
  if (name.startsWith('/')) throw badPath(name, 'has an absolute path');
  const segments = segmentsOf(name, limits);
  const path = at === '/' ? `/${segments.join('/')}` : [at, ...segments].join('/');
  if (path.length > limits.maxPathBytes) throw badPath(name, `has a path longer than ${limits.maxPathBytes} bytes`);
  return path;
}

function segmentsOf(name: string, limits: HarvestLimits): string[] {
  if (name === '') throw badPath(name, 'has no name');
  if (name.includes('\0')) throw badPath(name, 'has a NUL in its name');
  const segments = name.split('/').filter(segment => segment !== '' && segment !== '.');
  for (const segment of segments) {
    if (segment === '..') throw badPath(name, 'has ".." in its path');
    if (segment.length > limits.maxNameBytes)
      throw badPath(name, `has a name longer than ${limits.maxNameBytes} bytes`);
  }
  return segments;
}

/**
 * Refuses a link that leads out of `at`: one that climbs above it or, below anything but the root, is absolute. What
 * belongs to a system may point anywhere in it.
 */
export function checkLink(path: string, target: string, at: string): void {
  if (target === '' || target.includes('\0')) throw linkOut(path, 'points nowhere');
  if (target.startsWith('/')) {
    if (at === '/') return;
    throw linkOut(path, `points to ${shown(target)}, which is not below ${at}`);
  }
  let depth = depthOf(path) - 1 - depthOf(at);
  for (const segment of target.split('/')) {
    if (segment === '..') depth -= 1;
    else if (segment !== '' && segment !== '.') depth += 1;
    if (depth < 0) throw linkOut(path, `points out of ${at}, to ${shown(target)}`);
  }
}

const depthOf = (path: string): number => path.split('/').filter(segment => segment !== '').length;

/** Directories of the root that are links into /usr on every system since the merge (Debian 12, RHEL 7). */
const MERGED = /^\/(bin|sbin|lib|lib32|lib64|libo32|libx32)(?=\/|$)/;

/**
 * Where a file of a package lies on a system whose /bin, /sbin and /lib are links into /usr. A link at `/lib` itself is
 * what makes a system so, and stays.
 */
export function mergedPath(path: string, isDirectory: boolean): string {
  const merged = MERGED.exec(path);
  if (!merged || (merged[0].length === path.length && !isDirectory)) return path;
  return `/usr${path}`;
}

const badPath = (name: string, what: string) => new HarvestProblem('bad-path', `the member ${shown(name)} ${what}`);
const linkOut = (path: string, what: string) => new HarvestProblem('link-out', `the link ${shown(path)} ${what}`);
