import { cvesOf, type Exploitation } from './advisory.ts';
import type { Hit } from './match.ts';
import type { AdvisoryHead, RiskHost } from './ports.ts';
import {
  exploitationFactor,
  exposureFactor,
  hostScore,
  importanceFactor,
  type Score,
  score,
  severityFactor,
} from './score.ts';

/** One advisory on one host. */
export interface Finding {
  advisory: string;
  cves: string[];
  summary: string;
  /** Binary packages that are affected, with their versions: `libssl3 3.0.14-1`. */
  packages: string[];
  /** Of the source, or of what the advisory speaks of. */
  version: string;
  fixed: string | null;
  isUnsure: boolean;
  score: Score;
}

export interface HostRisk {
  host: string;
  score: number;
  findings: Finding[];
  unknown: string | null;
}

export interface Known {
  heads: ReadonlyMap<string, AdvisoryHead>;
  exploitation: ReadonlyMap<string, Exploitation>;
  groups: ReadonlyMap<string, readonly { name: string; importance: number }[]>;
}

/** The risk of a host with all its arithmetic, the worst first. Pure. */
export function riskOf(
  host: RiskHost,
  found: Iterable<{ item: { name: string; version: string }; hits: readonly Hit[] }>,
  { heads, exploitation, groups }: Known,
): HostRisk {
  const byAdvisory = new Map<string, { hit: Hit; items: { name: string; version: string }[] }>();
  for (const { item, hits } of found)
    for (const hit of hits) {
      const known = byAdvisory.get(hit.advisory);
      if (known) known.items.push(item);
      else byAdvisory.set(hit.advisory, { hit, items: [item] });
    }
  const importance = importanceFactor(groups.get(host.name) ?? []);
  const findings: Finding[] = [];
  for (const { hit, items } of byAdvisory.values()) {
    const head = heads.get(hit.advisory);
    if (!head) continue;
    const cves = cvesOf(head);
    findings.push({
      advisory: head.id,
      cves,
      summary: head.summary,
      packages: items.map(({ name, version }) => `${name} ${version}`).sort(),
      version: hit.version,
      fixed: hit.fixed,
      isUnsure: hit.isUnsure,
      score: score({
        severity: severityFactor(head.severity),
        exploitation: exploitationFactor(cves.flatMap(cve => exploitation.get(cve) ?? [])),
        importance,
        exposure: exposureFactor(
          host.sockets,
          items.map(({ name }) => name),
        ),
      }),
    });
  }
  findings.sort((a, b) => b.score.value - a.score.value || (a.advisory < b.advisory ? -1 : 1));
  return { host: host.name, score: hostScore(onePerWeakness(findings)), findings, unknown: host.unknown };
}

/** Two advisories about one weakness of one package are one risk: the higher counts. Findings are the worst first. */
function onePerWeakness(findings: readonly Finding[]): number[] {
  const seen = new Set<string>();
  return findings.flatMap(({ advisory, cves, score: { value } }) => {
    const names = cves.length > 0 ? cves : [advisory];
    if (names.every(name => seen.has(name))) return [];
    for (const name of names) seen.add(name);
    return [value];
  });
}
