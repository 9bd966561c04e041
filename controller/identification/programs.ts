import { bestTier } from './judge.ts';
import type { Library } from './library.ts';
import { TIERS, type Tier } from './records.ts';
import { claimsOf, type Summary } from './summary.ts';

/** How much of what can run on a host is explained, and by what. */
export interface Programs {
  files: number;
  bytes: number;
  /** Bytes with a known content at their path, by what is the best that says so. */
  explained: Record<Tier, number>;
  /** Scripts that are configuration and were edited: they count nowhere else. */
  configurationBytes: number;
}

const noPrograms = (): Programs => ({
  files: 0,
  bytes: 0,
  explained: Object.fromEntries(TIERS.map(tier => [tier, 0])) as Record<Tier, number>,
  configurationBytes: 0,
});

/** Pure. */
export function programsOf(library: Library, { known, stray }: Summary): Programs {
  const found = noPrograms();
  found.files = stray.programs;
  found.bytes = stray.bytes;
  for (const [identity, { programs, bytes }] of known) {
    if (programs === 0) continue;
    const claims = claimsOf(identity);
    const tier = bestTier(
      claims
        .filter(({ match }) => match === 'same' || match === 'same-optional' || match === 'config-same')
        .flatMap(({ editions }) => editions.flatMap(id => library.editionWithId(id)?.versions ?? []))
        .map(version => version.tier),
    );
    if (tier === null && claims.some(({ match }) => match === 'config-other')) {
      found.configurationBytes += bytes;
      continue;
    }
    found.files += programs;
    found.bytes += bytes;
    if (tier !== null) found.explained[tier] += bytes;
  }
  return found;
}

/** Without what other parts answer for. */
export function withoutHomes(whole: Programs, homes: readonly Programs[]): Programs {
  for (const home of homes) {
    whole.files -= home.files;
    whole.bytes -= home.bytes;
    whole.configurationBytes -= home.configurationBytes;
    for (const tier of TIERS) whole.explained[tier] -= home.explained[tier];
  }
  return whole;
}

export function addPrograms(to: Programs, tier: Tier, bytes: number): void {
  to.explained[tier] += bytes;
}
