import type { Entry } from '@tidemark/shared/fingerprint/entry.ts';
import type { Meta } from '@tidemark/shared/fingerprint/meta.ts';
import { pathText } from '@tidemark/shared/fingerprint/path.ts';
import type { Plane } from '@tidemark/shared/fingerprint/profile.ts';
import type { Comparison, HostChange } from './changes.ts';
import { loneReleases, onlyOn, placeOf, softwareVerdict } from './compare-software.ts';
import { contentText } from './content.ts';
import type { Difference } from './differences.ts';
import { createExpectations } from './expectations.ts';
import { isUnread } from './identify.ts';
import { joinMoves } from './moves.ts';

/** Says for each change of one plane what it is, to which product it belongs, and why. Pure. */
export function classifyChanges(changes: readonly HostChange[], plane: Plane, comparison: Comparison): Difference[] {
  const lone = loneReleases(changes, comparison);
  const whyExpected = createExpectations(comparison);
  const isInLoneRelease = ({ path }: HostChange): boolean => {
    const place = placeOf(path, comparison);
    return place?.directory != null && lone.has(`${place.home}\0${place.directory}`);
  };
  return joinMoves(changes, change => !isInLoneRelease(change)).flatMap(({ change, movedFrom }) => {
    const difference = classify(change, plane, lone, comparison);
    if (!difference) return [];
    const excuse = isExplained(difference) ? null : whyExpected(change, plane);
    if (excuse) return [{ ...difference, class: excuse.class, note: excuse.reason }];
    if (!movedFrom) return [difference];
    const from = pathText(movedFrom);
    return [{ ...difference, expected: `at ${from}`, note: `moved from ${from}` }];
  });
}

/** A release says what should be there: no rule of a profile stands above it. */
const isExplained = ({ version, class: kind }: Difference): boolean => version !== null || kind === 'patch-skew';

function classify(
  change: HostChange,
  plane: Plane,
  lone: ReadonlySet<string>,
  comparison: Comparison,
): Difference | null {
  const { before, after } = change;
  const place = placeOf(change.path, comparison);
  const base = {
    product: place?.product ?? null,
    version: null,
    plane,
    path: pathText(change.path),
    expected: before && contentText(before),
    found: after && contentText(after),
  };
  const entry = after ?? before;
  // A directory that only one of them has shows in what is in it; an empty one is of no importance to any product.
  if (!entry || (change.change !== 'changed' && change.change !== 'meta-changed' && entry.kind === 'directory'))
    return null;
  if (change.change === 'meta-changed') return { ...base, ...metaTexts(change), class: 'meta-drift' };
  const unread = [before, after].find(side => side && isUnread(side));
  if (unread) return { ...base, class: unread.kind === 'unstable' ? 'unstable' : 'unscanned', note: 'it was not read' };
  if (!comparison.sameKey && isKeyed(before) && isKeyed(after)) {
    const note = 'a secret, and the two were digested under different keys: scan both again, and compare anew';
    return { ...base, class: 'unscanned', note };
  }
  if (plane === 'config')
    return { ...base, class: 'config-drift', note: onlyOn(change, comparison) ?? 'the contents differ' };
  return { ...base, ...softwareVerdict(change, place, lone, comparison) };
}

const isKeyed = (entry: Entry | null): boolean => entry?.kind === 'file' && entry.keyed;

function metaTexts({ metas }: HostChange): { expected: string; found: string; note: string } {
  const text = (meta: Meta | null) =>
    meta ? `${meta.mode.toString(8).padStart(4, '0')} ${meta.owner}:${meta.group}` : 'unknown';
  return { expected: text(metas.before), found: text(metas.after), note: 'mode, owner or group differ' };
}
