import type { Coverage, Listed } from './coverage.ts';
import { MAX_LISTED_PATHS } from './listing-limit.ts';

/* What scanning threads need of a coverage, without its schema. */

/** How the limit begins that says that attributes of files (capabilities, ACL, labels) were not read. */
export const ATTRIBUTES_NOT_READ = 'capabilities, ACLs and labels were not read';

export const emptyCoverage = (): Coverage => ({
  files: 0,
  directories: 0,
  symlinks: 0,
  special: 0,
  bytes: 0,
  hardLinks: 0,
  ignored: [],
  unreadable: { count: 0, paths: [] },
  unstable: { count: 0, paths: [] },
  skipped: { count: 0, paths: [] },
  missingRoots: [],
  secretKey: null,
  limits: [],
});

/** Counts a path, and lists it while there is room. */
export function listPath(listed: Listed, path: string): void {
  listed.count += 1;
  if (listed.paths.length < MAX_LISTED_PATHS) listed.paths.push(path);
}

/** What the parts of one scan saw together. All of them counted by the same ignore rules. */
export function mergeCoverages(parts: readonly Coverage[]): Coverage {
  const sum = (of: (part: Coverage) => number): number => parts.reduce((total, part) => total + of(part), 0);
  const listed = (of: (part: Coverage) => Listed): Listed => ({
    count: sum(part => of(part).count),
    paths: parts
      .flatMap(part => of(part).paths)
      .sort()
      .slice(0, MAX_LISTED_PATHS),
  });
  const [first] = parts;
  return {
    files: sum(part => part.files),
    directories: sum(part => part.directories),
    symlinks: sum(part => part.symlinks),
    special: sum(part => part.special),
    bytes: sum(part => part.bytes),
    hardLinks: sum(part => part.hardLinks),
    ignored: (first?.ignored ?? []).map(({ rule }, at) => ({ rule, count: sum(part => part.ignored[at]?.count ?? 0) })),
    unreadable: listed(part => part.unreadable),
    unstable: listed(part => part.unstable),
    skipped: listed(part => part.skipped),
    missingRoots: parts.flatMap(part => part.missingRoots).sort((a, b) => (a.path < b.path ? -1 : 1)),
    secretKey: first?.secretKey ?? null,
    limits: [...new Set(parts.flatMap(part => part.limits))],
  };
}
