import type { Plane, ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';

/** A profile's roots as a tree of names, so that one walk finds all of them, also where one lies in another. */
export interface RootPlace {
  /** Set where a root of the profile is: what is not executable from here on counts as this plane. */
  root: { path: string; plane: Plane } | null;
  /** By name, bytes as latin1. */
  below: Map<string, RootPlace>;
}

export function placeRoots(profile: ScanProfile): RootPlace {
  const top: RootPlace = { root: null, below: new Map() };
  for (const root of profile.roots) {
    let place = top;
    for (const name of namesOfRoot(root.path)) {
      const next = place.below.get(name) ?? { root: null, below: new Map() };
      place.below.set(name, next);
      place = next;
    }
    place.root = root;
  }
  return top;
}

/** Roots come from a profile, so `.` and `..` are read as in any path; they never lead above the top. */
function namesOfRoot(path: string): string[] {
  const names: string[] = [];
  for (const name of Buffer.from(path).toString('latin1').split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return names;
}

/** The place of a path as the walk writes it; null where no root is at or below it. */
export function placeAt(top: RootPlace, path: string): RootPlace | null {
  let place: RootPlace | null = top;
  for (const name of path.split('/')) if (name !== '') place = place?.below.get(name) ?? null;
  return place;
}

/** Every root at or below a place. */
export function rootsAt(place: RootPlace): { path: string; plane: Plane }[] {
  return [...(place.root ? [place.root] : []), ...[...place.below.values()].flatMap(rootsAt)];
}
