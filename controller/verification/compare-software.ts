import { Buffer } from 'node:buffer';
import type { TreeChange } from '@tidemark/shared/fingerprint/diff.ts';
import type { Entry } from '@tidemark/shared/fingerprint/entry.ts';
import { pathText } from '@tidemark/shared/fingerprint/path.ts';
import type { Comparison } from './changes.ts';
import type { DriftClass } from './differences.ts';
import { isFile } from './identify.ts';
import type { ProductHome, Release } from './records.ts';
import { textOf } from './sentences.ts';

/* What a difference between two software trees means, as far as releases of products explain it. Pure. */

export interface Place extends ProductHome {
  /** The directory below `releases/`, and the path in it; null outside of one. Bytes as latin1. */
  directory: string | null;
  file: string | null;
}

export function placeOf(path: Buffer, { products }: Comparison): Place | null {
  const text = path.toString('latin1');
  for (const product of products) {
    const home = `${Buffer.from(product.home).toString('latin1')}/`;
    if (!text.startsWith(home)) continue;
    const [first, directory = null, ...rest] = text.slice(home.length).split('/');
    const isInRelease = first === 'releases';
    return {
      ...product,
      directory: isInRelease ? directory : null,
      file: isInRelease && rest.length > 0 ? rest.join('/') : null,
    };
  }
  return null;
}

/** Releases that only one of the hosts has: their files are not missing on the other. */
export function loneReleases(changes: readonly TreeChange[], comparison: Comparison): Set<string> {
  const lone = new Set<string>();
  for (const { change, path, before, after } of changes) {
    const place = placeOf(path, comparison);
    const isDirectory = (after ?? before)?.kind === 'directory';
    if (place?.directory && !place.file && isDirectory && (change === 'added' || change === 'removed')) {
      lone.add(`${place.home}\0${place.directory}`);
    }
  }
  return lone;
}

type Verdict = { class: DriftClass; version: string | null; note: string; isPatch?: true };

export function softwareVerdict(
  change: TreeChange,
  place: Place | null,
  lone: ReadonlySet<string>,
  comparison: Comparison,
): Verdict {
  const { hostA, hostB } = comparison;
  const a = change.before ? versionsOf(change.before, place, comparison) : [];
  const b = change.after ? versionsOf(change.after, place, comparison) : [];
  if (isLinkToRelease(change, place)) {
    const note = `another release is in use on ${hostB} than on ${hostA}`;
    return { class: 'patch-skew', version: null, note, isPatch: true };
  }
  const known = a.length > 0 ? a : b;
  const version = known.at(-1) ?? null;
  const only = onlyOn(change, comparison);
  if (only && place?.directory && lone.has(`${place.home}\0${place.directory}`)) {
    return { class: 'patch-skew', version, note: `release ${textOf(place.directory)} is ${only}`, isPatch: true };
  }
  if (only && known.length > 0) return onlyOne(known, place, only);
  if (a.length > 0 && b.length > 0) {
    const note = `${hostA} has it of ${a.join(' or ')}, ${hostB} of ${b.join(' or ')}`;
    return { class: 'partial-patch', version, note, isPatch: true };
  }
  if (known.length > 0) {
    const [good, bad] = a.length > 0 ? [hostA, hostB] : [hostB, hostA];
    const note = `${good} has it as in ${known.join(' or ')}, on ${bad} it is of no known release`;
    return { class: 'modified-packaged', version, note };
  }
  const runs = [change.before, change.after].some(entry => entry?.kind === 'file' && entry.executable);
  const note = `${only ?? 'the contents differ'}, and no known release has it`;
  return { class: runs ? 'unmanaged-executable' : 'unmanaged-data', version: null, note };
}

/** A known file in a release that both hosts have, on one of them: missing on the other, or left over on this one. */
function onlyOne(known: readonly string[], place: Place | null, only: string): Verdict {
  const version = known.at(-1) ?? null;
  const belongs = place?.directory !== null && known.includes(textOf(place?.directory ?? ''));
  return belongs
    ? { class: 'missing-packaged', version, note: `${only}: it is of ${known.join(' or ')}` }
    : { class: 'partial-patch', version, note: `${only}: left over from ${known.join(' or ')}` };
}

const versionsOf = (entry: Entry, place: Place | null, { releases }: Comparison): string[] =>
  place?.file
    ? releases
        .filter(release => release.product === place.product && hasFile(release, place.file, entry))
        .map(r => r.version)
    : [];

function hasFile(release: Release, path: string | null, entry: Entry): boolean {
  const file = path === null ? undefined : release.files.get(path);
  return file !== undefined && isFile(entry, file);
}

const isLinkToRelease = ({ path, before, after }: TreeChange, place: Place | null): boolean =>
  place !== null &&
  pathText(path) === `${place.home}/current` &&
  (before?.kind === 'symlink' || after?.kind === 'symlink');

export function onlyOn({ change }: TreeChange, { hostA, hostB }: Comparison): string | null {
  if (change === 'added') return `only on ${hostB}`;
  return change === 'removed' ? `only on ${hostA}` : null;
}
