import type { Conflict } from './conflicts.ts';
import { type Dependency, type LandscapeComponent, refText } from './landscape.ts';

/**
 * What dependencies say of tiers, within one application. A component without a tier gets the only one that lies between
 * those that use it and those it uses; where that leaves a choice it stays without. A tier that stops before one that uses
 * it is a conflict.
 *
 * `tiers` in the order in which they stop: `web, app, db`.
 */
export function tiersOf(
  components: readonly LandscapeComponent[],
  dependencies: readonly Dependency[],
  tiers: readonly string[],
): { components: LandscapeComponent[]; conflicts: Conflict[] } {
  const byRef = new Map(components.map(component => [refText(component), component]));
  const conflicts: Conflict[] = [];
  const bounds = new Map<LandscapeComponent, { above: number; below: number }>();
  const rank = ({ tier }: LandscapeComponent) => (tier === null ? -1 : tiers.indexOf(tier));
  const bound = (component: LandscapeComponent) => {
    const known = bounds.get(component) ?? { above: -1, below: tiers.length };
    bounds.set(component, known);
    return known;
  };
  for (const { from, kind, to } of dependencies) {
    const [user, used] = [byRef.get(refText(from)), byRef.get(refText(to))];
    if (!user || !used || kind === 'part-of' || user.application !== used.application) continue;
    const [outer, inner] = [rank(user), rank(used)];
    if (outer >= 0 && inner >= 0 && outer > inner) {
      const message = `${refText(user)} (tier ${user.tier}) uses ${refText(used)} (tier ${used.tier}), which stops before it: one of the tiers, or their order, is wrong`;
      conflicts.push({ kind: 'tier-order', subject: refText(user), message, origins: [] });
    }
    if (user.tier === null && inner >= 0) bound(user).below = Math.min(bound(user).below, inner);
    if (used.tier === null && outer >= 0) bound(used).above = Math.max(bound(used).above, outer);
  }
  return {
    conflicts,
    components: components.map(component => {
      const known = bounds.get(component);
      if (!known || component.tier !== null || known.below - known.above !== 2) return component;
      return { ...component, tier: tiers[known.above + 1] ?? null };
    }),
  };
}
