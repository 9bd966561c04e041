import { Buffer } from 'node:buffer';
import type { TreeChange } from '@tidemark/shared/fingerprint/diff.ts';
import type { Entry } from '@tidemark/shared/fingerprint/entry.ts';
import { compileGlob } from '@tidemark/shared/fingerprint/glob.ts';
import type { Meta } from '@tidemark/shared/fingerprint/meta.ts';
import { pathText } from '@tidemark/shared/fingerprint/path.ts';
import type { Plane, ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { contentText } from './content.ts';
import type { Difference, DriftClass } from './differences.ts';
import { isFile, isUnread } from './identify.ts';
import type { ProductHome, Release } from './records.ts';

/** What two hosts are compared with. */
export interface Comparison {
  /** Names: what `before` and `after` of a change are. */
  hostA: string;
  hostB: string;
  /** Of both hosts. */
  products: readonly ProductHome[];
  releases: readonly Release[];
  profile: ScanProfile;
}

/** A change between the trees of two hosts; with meta where only that differs. */
export type HostChange = TreeChange & { metas: { before: Meta | null; after: Meta | null } };

/** Says for each change of one plane what it is, to which product it belongs, and why. Pure. */
export function classifyChanges(changes: readonly HostChange[], plane: Plane, comparison: Comparison): Difference[] {
  const perHost = comparison.profile.perHost.map(({ path, reason }) => ({ matches: compileGlob(path), reason }));
  return changes.flatMap(change => {
    const difference = classify(change, plane, comparison);
    if (!difference) return [];
    const rule = perHost.find(({ matches }) => matches(change.path));
    return [
      rule && plane === 'config' ? { ...difference, class: 'config-expected' as const, note: rule.reason } : difference,
    ];
  });
}

function classify(change: HostChange, plane: Plane, comparison: Comparison): Difference | null {
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
  if (plane === 'config')
    return { ...base, class: 'config-drift', note: onlyOn(change, comparison) ?? 'the contents differ' };
  return { ...base, ...software(change, place, comparison) };
}

interface Place extends ProductHome {
  /** Relative to the release; null outside of one. Bytes as latin1. */
  file: string | null;
}

function placeOf(path: Buffer, { products }: Comparison): Place | null {
  const text = path.toString('latin1');
  for (const product of products) {
    const home = `${Buffer.from(product.home).toString('latin1')}/`;
    if (!text.startsWith(home)) continue;
    const [first, , ...rest] = text.slice(home.length).split('/');
    return { ...product, file: first === 'releases' && rest.length > 0 ? rest.join('/') : null };
  }
  return null;
}

function software(
  change: TreeChange,
  place: Place | null,
  comparison: Comparison,
): { class: DriftClass; version: string | null; note: string } {
  const a = change.before ? versionsOf(change.before, place, comparison) : [];
  const b = change.after ? versionsOf(change.after, place, comparison) : [];
  const { hostA, hostB } = comparison;
  const only = onlyOn(change, comparison);
  if (isLinkToRelease(change, place)) {
    return { class: 'patch-skew', version: null, note: `another release is in use on ${hostB} than on ${hostA}` };
  }
  if (only && (a.length > 0 || b.length > 0)) {
    const versions = [...a, ...b];
    return {
      class: 'patch-skew',
      version: versions.at(-1) ?? null,
      note: `${only}: it is of ${versions.join(' or ')}`,
    };
  }
  if (a.length > 0 && b.length > 0) {
    const note = `${hostA} has it of ${a.join(' or ')}, ${hostB} of ${b.join(' or ')}`;
    return { class: 'patch-skew', version: a.at(-1) ?? null, note };
  }
  if (a.length > 0 || b.length > 0) {
    const [good, bad, versions] = a.length > 0 ? [hostA, hostB, a] : [hostB, hostA, b];
    const note = `${good} has it as in ${versions.join(' or ')}, on ${bad} it is of no known release`;
    return { class: 'modified-packaged', version: versions.at(-1) ?? null, note };
  }
  const runs = [change.before, change.after].some(entry => entry?.kind === 'file' && entry.executable);
  const note = `${only ?? 'the contents differ'}, and no known release has it`;
  return { class: runs ? 'unmanaged-executable' : 'unmanaged-data', version: null, note };
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

function onlyOn({ change }: TreeChange, { hostA, hostB }: Comparison): string | null {
  if (change === 'added') return `only on ${hostB}`;
  return change === 'removed' ? `only on ${hostA}` : null;
}

function metaTexts({ metas }: HostChange): { expected: string; found: string; note: string } {
  const text = (meta: Meta | null) =>
    meta ? `${meta.mode.toString(8).padStart(4, '0')} ${meta.owner}:${meta.group}` : 'unknown';
  return { expected: text(metas.before), found: text(metas.after), note: 'mode, owner or group differ' };
}
