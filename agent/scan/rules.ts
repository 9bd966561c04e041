import { compileTextGlob } from '@tidemark/shared/fingerprint/glob.ts';
import type { Normaliser, Plane, ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';

/** How a file's content is to be digested. */
export interface Treatment {
  secret: boolean;
  normalisers: readonly Normaliser[];
}

const PLAIN: Treatment = { secret: false, normalisers: [] };

/** A profile's rules over paths, compiled. Paths are bytes as latin1. */
export class Rules {
  readonly #ignored: { rule: string; matches: (path: string) => boolean; count: number }[];
  readonly #planes: { plane: Plane; matches: (path: string) => boolean }[];
  readonly #secret: ((path: string) => boolean)[];
  readonly #normalise: { rules: readonly Normaliser[]; matches: (path: string) => boolean }[];

  constructor(profile: ScanProfile) {
    this.#ignored = profile.ignore.map(rule => ({ rule, matches: compileTextGlob(rule), count: 0 }));
    this.#planes = (profile.planes ?? []).map(({ path, plane }) => ({ plane, matches: compileTextGlob(path) }));
    this.#secret = (profile.secret ?? []).map(compileTextGlob);
    this.#normalise = (profile.normalise ?? []).map(({ path, rules }) => ({ rules, matches: compileTextGlob(path) }));
  }

  /** Whether this path is left out; counts it where it is. */
  isIgnored(path: string): boolean {
    for (const rule of this.#ignored) {
      if (!rule.matches(path)) continue;
      rule.count += 1;
      return true;
    }
    return false;
  }

  ignored(): { rule: string; count: number }[] {
    return this.#ignored.map(({ rule, count }) => ({ rule, count }));
  }

  planeOf(path: string, ofRoot: Plane): Plane {
    for (const { plane, matches } of this.#planes) if (matches(path)) return plane;
    return ofRoot;
  }

  treatmentOf(path: string): Treatment {
    if (this.#secret.length === 0 && this.#normalise.length === 0) return PLAIN;
    const secret = this.#secret.some(matches => matches(path));
    const normalisers = this.#normalise.find(({ matches }) => matches(path))?.rules ?? [];
    return secret || normalisers.length > 0 ? { secret, normalisers } : PLAIN;
  }
}
