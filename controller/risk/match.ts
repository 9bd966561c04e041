import type { Affected } from './advisory.ts';
import { namesBinaries } from './ecosystems.ts';
import { fixFor, isAffected } from './ranges.ts';

/** A package on hosts, as far as advisories speak of it. */
export interface InstalledPackage {
  name: string;
  version: string;
  source: string;
  sourceVersion: string;
}

/** What one advisory says of one name. */
export interface Candidate {
  advisory: string;
  affected: Affected;
}

/** An advisory that a version is affected by. */
export interface Hit {
  advisory: string;
  /** By which name it was found: of the source, or of the binary package itself. */
  name: string;
  version: string;
  /** The lowest version that is not affected any more; null where there is none yet. */
  fixed: string | null;
  /** The versions could not be compared: it may be affected. */
  isUnsure: boolean;
}

/** Names by which advisories may speak of a package, with the version that they mean then. */
export function namesOf(item: InstalledPackage, order: Affected['order']): { name: string; version: string }[] {
  const source = { name: item.source || item.name, version: item.sourceVersion || item.version };
  if (!namesBinaries(order) || item.name === source.name) return [source];
  return [source, { name: item.name, version: item.version }];
}

/** What of the advisories concerns this package; each advisory once. */
export function hitsOf(
  item: InstalledPackage,
  order: Affected['order'],
  candidates: (name: string) => readonly Candidate[],
): Hit[] {
  const hits = new Map<string, Hit>();
  for (const { name, version } of namesOf(item, order))
    for (const { advisory, affected } of candidates(name)) {
      const answer = isAffected(version, affected);
      if (answer === false || hits.get(advisory)?.isUnsure === false) continue;
      hits.set(advisory, { advisory, name, version, fixed: fixFor(version, affected), isUnsure: answer === null });
    }
  return [...hits.values()];
}
