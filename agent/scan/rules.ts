import { compileTextGlob } from '@tidemark/shared/fingerprint/glob.ts';
import type { Normaliser, Plane, ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';

/** How a file's content is to be digested. */
export interface Treatment {
  secret: boolean;
  normalisers: readonly Normaliser[];
}

export const PLAIN: Treatment = { secret: false, normalisers: [] };

/** A pattern, and the text that everything which fits it begins with. */
interface Pattern {
  head: string;
  matches: (path: string) => boolean;
}

function compiled(pattern: string): Pattern {
  const text = Buffer.from(pattern).toString('latin1');
  const wild = text.search(/[*?]/);
  return { head: wild < 0 ? text : text.slice(0, wild), matches: compileTextGlob(pattern) };
}

/** Those that may fit what lies in a directory, whose path ends with a slash. */
const below = <T extends Pattern>(patterns: readonly T[], directory: string): T[] =>
  patterns.filter(({ head }) => head.startsWith(directory) || directory.startsWith(head));

interface Compiled {
  ignored: (Pattern & { rule: string; count: number })[];
  planes: (Pattern & { plane: Plane })[];
  secret: Pattern[];
  normalise: (Pattern & { rules: readonly Normaliser[] })[];
}

/** A profile's rules over paths. Paths are bytes as latin1. */
export class Rules {
  readonly #all: Compiled;

  constructor(profile: ScanProfile) {
    this.#all = {
      ignored: profile.ignore.map(rule => ({ rule, count: 0, ...compiled(rule) })),
      planes: (profile.planes ?? []).map(({ path, plane }) => ({ plane, ...compiled(path) })),
      secret: (profile.secret ?? []).map(compiled),
      normalise: (profile.normalise ?? []).map(({ path, rules }) => ({ rules, ...compiled(path) })),
    };
  }

  /** What counts for the names in a directory, whose path ends with a slash: mostly none does. */
  below(directory: string): LocalRules {
    const { ignored, planes, secret, normalise } = this.#all;
    return new LocalRules({
      ignored: below(ignored, directory),
      planes: below(planes, directory),
      secret: below(secret, directory),
      normalise: below(normalise, directory),
    });
  }

  ignored(): { rule: string; count: number }[] {
    return this.#all.ignored.map(({ rule, count }) => ({ rule, count }));
  }
}

export class LocalRules {
  readonly #rules: Compiled;

  constructor(rules: Compiled) {
    this.#rules = rules;
  }

  /** Whether this path is left out; counts it where it is. */
  isIgnored(path: string): boolean {
    for (const rule of this.#rules.ignored) {
      if (!rule.matches(path)) continue;
      rule.count += 1;
      return true;
    }
    return false;
  }

  planeOf(path: string, ofRoot: Plane): Plane {
    for (const { plane, matches } of this.#rules.planes) if (matches(path)) return plane;
    return ofRoot;
  }

  treatmentOf(path: string): Treatment {
    const { secret: secrets, normalise } = this.#rules;
    if (secrets.length === 0 && normalise.length === 0) return PLAIN;
    const secret = secrets.some(({ matches }) => matches(path));
    const normalisers = normalise.find(({ matches }) => matches(path))?.rules ?? [];
    return secret || normalisers.length > 0 ? { secret, normalisers } : PLAIN;
  }
}
