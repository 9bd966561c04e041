import { compareDpkgVersions } from '@tidemark/shared/versions/dpkg.ts';
import { hasVersionOf, type Presence } from './decide.ts';
import { fits, type HeldAgainst, versionsOf } from './explain.ts';
import type { Edition } from './library.ts';
import { type FittingVersion, type IdentifiedProduct, type ProductState, TIERS, type Tier } from './records.ts';
import { productSentence } from './sentences.ts';

/* From what is there of a product to what is said of it. Pure. */

/** The best of several. */
export const bestTier = (tiers: readonly Tier[]): Tier | null => TIERS.find(tier => tiers.includes(tier)) ?? null;

/** Whether the sums say all that there is to say. */
export function isPlain(
  { complete, registered, product, matched, best }: Presence,
  editions: readonly Edition[],
): boolean {
  if (complete.length > 0) return true;
  if (registered === null) return false;
  const isAbsent = matched === 0 && best.total > 0;
  return product.editions.length > 0 && !isAbsent && !editions.some(edition => hasVersionOf(edition, registered));
}

/** A product of which sums say enough. */
export function judgePlain(presence: Presence, totalOf: (edition: Edition) => number): IdentifiedProduct {
  const { complete, registered, product, unregistered, matched } = presence;
  const versions = complete.flatMap(edition => edition.versions);
  const chosen = complete.find(edition => registered !== null && hasVersionOf(edition, registered)) ?? complete[0];
  const total = chosen ? totalOf(chosen) : 0;
  const isContradicted =
    registered !== null && complete.length > 0 && !complete.some(edition => hasVersionOf(edition, registered));
  const state: ProductState = complete.length === 0 ? 'version-unknown' : isContradicted ? 'contradicted' : 'complete';
  return said({
    ...named(presence),
    state: state === 'contradicted' && total === 0 ? 'version-unknown' : state,
    versions: ordered(versions),
    reference: chosen?.versions[0]?.version ?? null,
    registered,
    unregistered,
    tier: bestTier(versions.map(({ tier }) => tier)),
    matched: chosen ? total : matched,
    total,
    exceptions: [],
    diverted: [],
    product: product.name,
  });
}

/** A product that was looked at file by file. */
export function judgeFiles(presence: Presence, held: readonly HeldAgainst[]): IdentifiedProduct {
  const { registered, unregistered, product } = presence;
  const fitting = held.filter(one => fits(one) && one.matched > 0);
  // One version may be there in several builds.
  const wanted = held.filter(({ edition }) => registered !== null && hasVersionOf(edition, registered));
  const reference = wanted.find(one => fitting.includes(one)) ?? closest(wanted) ?? fitting[0] ?? closest(held);
  const isFitting = reference !== undefined && fitting.includes(reference);
  const versions = fitting.flatMap(({ edition }) => edition.versions);
  const { matched, total } = reference ?? { matched: 0, total: 0 };
  const exceptions = reference?.exceptions ?? [];
  const isKnownVersion = registered === null || held.some(({ edition }) => hasVersionOf(edition, registered));
  const state = ((): ProductState => {
    if (isFitting) return isKnownVersion ? 'complete' : 'contradicted';
    if (fitting.length > 0) return 'contradicted';
    if (!isKnownVersion) return 'version-unknown';
    if (registered !== null && matched === 0 && total > 0 && exceptions.every(({ fate }) => fate === 'missing'))
      return 'absent';
    return registered === null && share(reference) < 0.5 ? 'left-behind' : 'partial';
  })();
  const tiers = (state === 'contradicted' ? versions : (reference?.edition.versions ?? [])).map(({ tier }) => tier);
  const counted = state === 'contradicted' ? fitting[0] : reference;
  return said({
    ...named(presence),
    product: product.name,
    state,
    versions: ordered(versions),
    reference: versionsOf(counted?.edition)[0] ?? null,
    registered,
    unregistered,
    tier: state === 'version-unknown' ? null : bestTier(tiers),
    matched: counted?.matched ?? 0,
    total: counted?.total ?? 0,
    // Of a version that nobody knows, every file would look modified; of what was left behind, missing.
    exceptions:
      state === 'version-unknown' || state === 'contradicted' ? [] : state === 'left-behind' ? [] : exceptions,
    diverted: counted?.diverted ?? [],
  });
}

const named = ({ product: { architecture, source } }: Presence) => ({ architecture, source });

const share = (held: HeldAgainst | undefined): number => (held && held.total > 0 ? held.matched / held.total : 0);

const closest = (held: readonly HeldAgainst[]): HeldAgainst | undefined =>
  held.toSorted((x, y) => share(y) - share(x) || newerFirst(x, y))[0];

const newerFirst = (x: HeldAgainst, y: HeldAgainst): number =>
  compareDpkgVersions(versionsOf(y.edition)[0] ?? '', versionsOf(x.edition)[0] ?? '');

/** One entry a version, as it is said best. */
function ordered(versions: readonly FittingVersion[]): FittingVersion[] {
  const byVersion = Map.groupBy(versions, ({ version }) => version);
  return [...byVersion].map(([version, same]) => ({ version, tier: bestTier(same.map(({ tier }) => tier)) ?? 'host' }));
}

const said = (found: Omit<IdentifiedProduct, 'sentence'>): IdentifiedProduct => ({
  ...found,
  sentence: productSentence(found),
});
