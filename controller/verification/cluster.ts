import type { Buffer } from 'node:buffer';
import type { Entry } from '@tidemark/shared/fingerprint/entry.ts';
import { sameContent, sameMeta } from '@tidemark/shared/fingerprint/entry.ts';
import type { Meta } from '@tidemark/shared/fingerprint/meta.ts';
import type { HostChange } from './changes.ts';

/** How a member differs from the first one. */
export interface MemberChanges {
  host: string;
  changes: readonly HostChange[];
}

/** What a member has at the paths at which it is not like most. */
export interface Outlier {
  host: string;
  /** From what most have to what it has. */
  changes: HostChange[];
}

interface Standing {
  entry: Entry | null;
  meta: Meta | null;
}

/**
 * Who of a cluster is not like the others, path by path. Where no content has more members than every other one, the
 * first member's counts as what should be there: of two that differ, nobody can say which is right. Pure.
 */
export function findOutliers(first: string, others: readonly MemberChanges[]): Outlier[] {
  const hosts = [first, ...others.map(({ host }) => host)];
  const outliers = new Map<string, HostChange[]>(hosts.map(host => [host, []]));
  for (const [, changes] of byPath(others)) {
    const [any] = changes.values();
    if (!any) continue;
    const own: Standing = { entry: any.before, meta: any.metas.before };
    const standings = hosts.map((host): Standing => {
      const change = changes.get(host);
      return change ? { entry: change.after, meta: change.metas.after } : own;
    });
    const usual = mostCommon(standings);
    for (const [index, standing] of standings.entries()) {
      const change = changeBetween(any.path, usual, standing);
      if (change) outliers.get(hosts[index] ?? '')?.push(change);
    }
  }
  return [...outliers].flatMap(([host, changes]) => (changes.length > 0 ? [{ host, changes }] : []));
}

function byPath(others: readonly MemberChanges[]): Map<string, Map<string, HostChange>> {
  const paths = new Map<string, Map<string, HostChange>>();
  for (const { host, changes } of others) {
    for (const change of changes) {
      const key = change.path.toString('latin1');
      const at = paths.get(key) ?? new Map<string, HostChange>();
      paths.set(key, at);
      at.set(host, change);
    }
  }
  return paths;
}

/** The first of those that most have. */
function mostCommon(standings: readonly Standing[]): Standing {
  const groups: { standing: Standing; count: number }[] = [];
  for (const standing of standings) {
    const group = groups.find(other => isSame(other.standing, standing));
    if (group) group.count += 1;
    else groups.push({ standing, count: 1 });
  }
  const most = Math.max(...groups.map(({ count }) => count));
  const leading = groups.filter(({ count }) => count === most);
  // Groups are in the order of the members, so that a tie falls to the first member.
  return (leading[0] as { standing: Standing }).standing;
}

function isSame(a: Standing, b: Standing): boolean {
  if (!a.entry || !b.entry) return a.entry === b.entry;
  return sameContent(a.entry, b.entry) && sameMeta(a.entry, b.entry);
}

function changeBetween(path: Buffer, from: Standing, to: Standing): HostChange | null {
  const metas = { before: from.meta, after: to.meta };
  const [before, after] = [from.entry, to.entry];
  if (before && after) {
    if (!sameContent(before, after)) return { change: 'changed', path, before, after, metas };
    return sameMeta(before, after) ? null : { change: 'meta-changed', path, before, after, metas };
  }
  if (after) return { change: 'added', path, before: null, after, metas };
  return before ? { change: 'removed', path, before, after: null, metas } : null;
}
