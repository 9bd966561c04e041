import { didYouMean } from '@tidemark/shared/base/nearest.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import type { PatchSubject } from './cel.ts';
import { errorAt, type PlanError } from './errors.ts';
import type { PlannerBundle } from './input.ts';
import type { BundleChoice } from './policy.ts';

/** What is known of a bundle before it is chosen. */
export interface KnownBundle {
  name: string;
  ring: string;
  /** Why nothing new may begin with it; null where it may. */
  bar: string | null;
  /** It does not count any more. */
  withdrawn: boolean;
  /** Milliseconds since the epoch. */
  createdAt: number;
}

/**
 * The bundle that is meant: the named one, or the newest that has been promoted at least so far. `rings` has the names of
 * all rings in their order. Where the newest is held nothing older is taken for it, which would be another patch than
 * people look at.
 */
export function chooseBundle(
  { name, ring, place, ringPlace }: BundleChoice,
  bundles: readonly KnownBundle[],
  rings: readonly string[],
): Result<string, PlanError> {
  if (ring !== null && !rings.includes(ring)) {
    const text = `there is no ring ${ring}${didYouMean(ring, rings)}: there are ${rings.join(', ')}`;
    return err(errorAt(ringPlace, text));
  }
  const far = (bundle: KnownBundle) => ring === null || rings.indexOf(bundle.ring) >= rings.indexOf(ring);
  if (name !== null) {
    const bundle = bundles.find(each => each.name === name);
    if (!bundle)
      return err(
        errorAt(
          place,
          `there is no bundle ${name}${didYouMean(
            name,
            bundles.map(each => each.name),
          )}: create it first`,
        ),
      );
    if (bundle.bar !== null) return err(errorAt(place, bundle.bar));
    if (far(bundle)) return ok(name);
    const text = `bundle ${name} is in the ring ${bundle.ring}: promote it to ${ring} first ("tidemark bundle promote")`;
    return err(errorAt(place, text));
  }
  const newest = bundles
    .filter(bundle => !bundle.withdrawn && far(bundle))
    .sort((a, b) => b.createdAt - a.createdAt || (a.name < b.name ? -1 : 1))[0];
  if (newest?.bar)
    return err(errorAt(place, `${newest.bar}; it is the newest in ${ring}, and nothing older is taken for it`));
  if (newest) return ok(newest.name);
  return err(errorAt(place, `no bundle has been promoted to ${ring} yet ("tidemark bundle promote")`));
}

/** The bundle as the policy wants it, and the names of what it leaves out. What cannot be decided is an error. */
export function narrowBundle(
  choice: BundleChoice,
  bundle: PlannerBundle,
): Result<{ bundle: PlannerBundle; leftOut: string[] }, PlanError> {
  const { include, exclude, place } = choice;
  if (!include && !exclude) return ok({ bundle, leftOut: [] });
  const leftOut: string[] = [];
  const problems: string[] = [];
  const wanted = (patch: PatchSubject): boolean => {
    const [taken, left] = [include, exclude].map(condition => condition?.holds({ patch }));
    for (const answer of [taken, left]) if (answer && !answer.ok) problems.push(`${patch.name}: ${answer.error}`);
    const is = (taken?.ok ? taken.value : true) && !(left?.ok && left.value);
    if (!is) leftOut.push(`${patch.name} ${patch.version}`);
    return is;
  };
  const releases = bundle.releases.filter(({ product, version }) =>
    wanted({ kind: 'release', name: product, version, architecture: '' }),
  );
  const packages = bundle.packages.filter(({ name, version, architecture }) =>
    wanted({ kind: 'package', name, version, architecture: architecture ?? '' }),
  );
  if (problems.length > 0) return err(errorAt(place, `which patches are meant cannot be said of ${problems[0]}`));
  if (releases.length + packages.length === 0)
    return err(errorAt(place, `include and exclude leave nothing of bundle ${bundle.name}`));
  return ok({ bundle: { ...bundle, releases, packages }, leftOut: leftOut.sort() });
}
