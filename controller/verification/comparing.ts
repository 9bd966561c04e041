import type { Buffer } from 'node:buffer';
import { listChanges } from '@tidemark/shared/fingerprint/diff.ts';
import { loadMetas, type NodeLoader } from '@tidemark/shared/fingerprint/load.ts';
import { nodeKey } from '@tidemark/shared/fingerprint/node.ts';
import { PLANES, type Plane } from '@tidemark/shared/fingerprint/profile.ts';
import type { Comparison, HostChange } from './changes.ts';
import { findOutliers } from './cluster.ts';
import { classifyChanges } from './compare.ts';
import type { Difference } from './differences.ts';
import type { Looked } from './looking.ts';
import { readOwnFiles, sameAlthoughOwn } from './must-differ.ts';
import type { LandscapePort, VerificationStore } from './ports.ts';
import type { Fingerprint } from './records.ts';

export interface ComparingDependencies {
  store: Pick<VerificationStore, 'load' | 'releases'>;
  landscape: LandscapePort;
}

/** Compares stored trees: loads what differs, and asks the pure parts what it means. */
export function createComparing({ store, landscape }: ComparingDependencies) {
  /** What two fingerprints are compared with. */
  const comparisonOf = async (a: Looked, b: Looked): Promise<Comparison> => {
    const homes = [...(await landscape.productsOf(a.host)), ...(await landscape.productsOf(b.host))];
    const products = [...new Map(homes.map(at => [`${at.product}\0${at.home}`, at])).values()];
    const isSameHost = a.host === b.host;
    return {
      hostA: a.label,
      hostB: b.label,
      relation: isSameHost ? 'earlier' : 'peers',
      sameRole: isSameHost || (await landscape.roleOf(a.host)) === (await landscape.roleOf(b.host)),
      sameKey: a.fingerprint.coverage.secretKey === b.fingerprint.coverage.secretKey,
      products,
      releases: await store.releases(products.map(({ product }) => product)),
      profile: b.fingerprint.profile,
    };
  };

  /** How `b` differs from `a`. Both are under one profile. */
  const differences = async (a: Looked, b: Looked, planes: readonly Plane[]): Promise<Difference[]> => {
    const comparison = await comparisonOf(a, b);
    const found: Difference[] = [];
    for (const plane of planes) {
      found.push(...classifyChanges(await changesBetween(a, b, plane, store.load), plane, comparison));
    }
    if (comparison.relation === 'peers') found.push(...(await wronglySame(a, b, planes)));
    return found;
  };

  const wronglySame = async (a: Looked, b: Looked, planes: readonly Plane[]): Promise<Difference[]> => {
    const files = await readOwnFiles(b.fingerprint, store.load);
    if (files.length === 0) return [];
    const others = { host: a.label, files: await readOwnFiles(a.fingerprint, store.load) };
    return sameAlthoughOwn(others, files).filter(({ plane }) => planes.includes(plane));
  };

  /** Per member that is not like most of them, its differences. All are under one profile. */
  const outliers = async (members: readonly Looked[], planes: readonly Plane[]): Promise<Map<string, Difference[]>> => {
    const [first, ...others] = members;
    const found = new Map<string, Difference[]>(members.map(({ host }) => [host, []]));
    if (!first) return found;
    const add = (host: string, differing: readonly Difference[]) => found.get(host)?.push(...differing);
    for (const plane of planes) {
      const changes = [];
      for (const other of others) {
        changes.push({ host: other.host, changes: await changesBetween(first, other, plane, store.load) });
      }
      for (const outlier of findOutliers(first.host, changes)) {
        const own = members.find(({ host }) => host === outlier.host) ?? first;
        const other = members.find(({ host }) => host !== outlier.host) ?? first;
        const comparison = await comparisonOf(other, own);
        const most = members.length > 2 ? 'the others' : other.host;
        add(outlier.host, classifyChanges(outlier.changes, plane, { ...comparison, hostA: most }));
      }
    }
    for (const [index, member] of members.entries()) {
      for (const before of members.slice(0, index)) add(member.host, await wronglySame(before, member, planes));
    }
    return found;
  };

  return { differences, outliers };
}

async function changesBetween(a: Looked, b: Looked, plane: Plane, load: NodeLoader): Promise<HostChange[]> {
  const changes = await listChanges(plane, rootOf(a.fingerprint, plane), rootOf(b.fingerprint, plane), load);
  const ids = changes.flatMap(({ before, after }) => [before?.meta ?? [], after?.meta ?? []].flat());
  const metas = await loadMetas(ids, load);
  const metaOf = (id: Buffer | null | undefined) => (id ? (metas.get(nodeKey(id)) ?? null) : null);
  return changes.map(change => ({
    ...change,
    metas: { before: metaOf(change.before?.meta), after: metaOf(change.after?.meta) },
  }));
}

const rootOf = (fingerprint: Fingerprint, plane: Plane): Buffer =>
  plane === 'software' ? fingerprint.softwareRoot : fingerprint.configRoot;

export const planesOf = (plane: Plane | 'all'): readonly Plane[] => (plane === 'all' ? PLANES : [plane]);
