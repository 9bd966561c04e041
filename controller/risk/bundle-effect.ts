import { ORDERS, type OrderName } from '@tidemark/shared/versions/ecosystems.ts';
import { type Known, riskOf } from './host-risk.ts';
import { hitsOf, namesOf } from './match.ts';
import type { Matches } from './matches.ts';
import type { Fleet, RiskHost, RiskStore } from './ports.ts';

/** What a bundle changes. */
export interface BundleEffect {
  bundle: string;
  /** Hosts that have something of the bundle in an older version, the largest difference first. */
  hosts: { host: string; before: number; after: number; removed: string[]; left: number }[];
  /** CVE numbers, or names of advisories without one, with how many hosts they are gone from. */
  removed: { name: string; hosts: number }[];
}

/** The orders of versions that belong to a family of packages. */
const ORDER_OF: Readonly<Record<string, OrderName>> = {
  dpkg: 'deb',
  rpm: 'rpm',
  apk: 'apk',
  pacman: 'pacman',
  windows: 'windows',
};

/**
 * Judges each host as if it had the packages of the bundle, where it has older ones of the same name. The version of a binary
 * package stands for that of its source, as it does unless a package was built again without a change.
 */
export async function bundleEffect(
  { name, packages }: { name: string; packages: readonly { family: string; name: string; version: string }[] },
  fleet: Fleet,
  { matches, known, store }: { matches: Matches; known: Known; store: RiskStore },
): Promise<BundleEffect> {
  const brought = new Map(packages.map(each => [`${ORDER_OF[each.family] ?? ''} ${each.name}`, each.version]));
  const removedFrom = new Map<string, number>();
  const hosts: BundleEffect['hosts'] = [];
  const candidatesOf = rememberedCandidates(store);
  for (const host of fleet.hosts) {
    const found = [...matches.of(host, fleet)];
    const after = await Promise.all(
      found.map(async each => {
        const version = brought.get(`${each.ecosystem.order} ${each.item.name}`);
        const compare: (a: string, b: string) => number | null = ORDERS[each.ecosystem.order];
        if (version === undefined || (compare(each.item.version, version) ?? 0) >= 0) return each;
        const item = { ...each.item, version, sourceVersion: version };
        const candidates = await candidatesOf(
          each.ecosystem.key,
          namesOf(item, each.ecosystem.order).map(({ name: of }) => of),
        );
        return { ...each, item, hits: hitsOf(item, each.ecosystem.order, of => candidates.get(of) ?? []) };
      }),
    );
    if (after.every((each, index) => each === found[index])) continue;
    hosts.push(differenceOf(host, found, after, known, removedFrom));
  }
  hosts.sort((a, b) => b.before - b.after - (a.before - a.after) || (a.host < b.host ? -1 : 1));
  const removed = [...removedFrom].map(([of, count]) => ({ name: of, hosts: count }));
  return { bundle: name, hosts, removed: removed.sort((a, b) => b.hosts - a.hosts || (a.name < b.name ? -1 : 1)) };
}

type Found = Parameters<typeof riskOf>[1];

function differenceOf(host: RiskHost, before: Found, after: Found, known: Known, removedFrom: Map<string, number>) {
  const [was, is] = [riskOf(host, before, known), riskOf(host, after, known)];
  const left = new Set(is.findings.map(({ advisory }) => advisory));
  const gone = was.findings.filter(({ advisory }) => !left.has(advisory));
  const removed = [...new Set(gone.flatMap(({ advisory, cves }) => (cves.length > 0 ? cves : [advisory])))].sort();
  for (const each of removed) removedFrom.set(each, (removedFrom.get(each) ?? 0) + 1);
  return { host: host.name, before: was.score, after: is.score, removed, left: is.findings.length };
}

/** Servers have the same packages: each name is asked for once. */
function rememberedCandidates(store: RiskStore): RiskStore['candidates'] {
  const known = new Map<string, ReturnType<RiskStore['candidates']>>();
  return (ecosystem, names) => {
    const key = `${ecosystem} ${names.join(' ')}`;
    const asked = known.get(key) ?? store.candidates(ecosystem, names);
    known.set(key, asked);
    return asked;
  };
}
