import type { Advisory } from './advisory.ts';
import { ecosystemNamed } from './ecosystems.ts';
import { type InstalledPackage, namesOf } from './match.ts';
import { ecosystemOf } from './matches.ts';
import type { Fleet, PlannedChange, RiskHost } from './ports.ts';
import { fixFor, isAffected } from './ranges.ts';

/** Where a host stands with a weakness. */
export interface Standing {
  host: string;
  state: 'affected' | 'planned' | 'patched' | 'unknown';
  /** What it was found by: `openssl 3.0.14-1 (libssl3), fixed in 3.0.15-1`. */
  evidence: string[];
  /** Where it is planned. */
  plan: { digest: string; run: string | null } | null;
}

/** Of every host that has a package that the advisories speak of; the others have nothing to patch. Pure. */
export function standingsOf(
  advisories: readonly Advisory[],
  fleet: Fleet,
  planned: readonly PlannedChange[],
): Standing[] {
  const standing = advisories.filter(({ withdrawn }) => withdrawn === null);
  const changes = Map.groupBy(planned, ({ host }) => host);
  return fleet.hosts.flatMap(host => standingOf(standing, host, fleet, changes.get(host.name) ?? []) ?? []);
}

function standingOf(
  advisories: readonly Advisory[],
  host: RiskHost,
  fleet: Fleet,
  planned: readonly PlannedChange[],
): Standing | null {
  if (host.unknown !== null) return { host: host.name, state: 'unknown', evidence: [host.unknown], plan: null };
  const seenAt = host.observedAt === null ? '' : ` (seen ${new Date(host.observedAt).toISOString()})`;
  const [affected, patched, unsure]: [string[], string[], string[]] = [[], [], []];
  const plans: PlannedChange[] = [];
  let isOpen = false;
  for (const { item, key } of itemsOf(host, fleet))
    for (const advisory of advisories)
      for (const each of advisory.affected) {
        if (each.ecosystem !== key) continue;
        const named = namesOf(item, each.order).find(({ name }) => name === each.name);
        if (!named) continue;
        const what =
          item.name === named.name ? `${item.name} ${named.version}` : `${named.name} ${named.version} (${item.name})`;
        const answer = isAffected(named.version, each);
        if (answer === null) unsure.push(`${what}: ${advisory.id} names versions that it cannot be compared with`);
        else if (answer) {
          const fixed = fixFor(named.version, each);
          affected.push(`${what}: ${advisory.id}, ${fixed === null ? 'not fixed yet' : `fixed in ${fixed}`}`);
          const plan = planned.find(change => change.package === item.name && isAffected(change.to, each) === false);
          if (plan) plans.push(plan);
          else isOpen = true;
        } else patched.push(`${what}: not affected by ${advisory.id}${endOf(each.ranges)}${seenAt}`);
      }
  const [plan] = plans;
  const unique = (texts: string[]) => [...new Set(texts)].sort();
  if (affected.length > 0)
    return plan && !isOpen
      ? { host: host.name, state: 'planned', evidence: unique(affected), plan: { digest: plan.plan, run: plan.run } }
      : { host: host.name, state: 'affected', evidence: unique(affected), plan: null };
  if (unsure.length > 0) return { host: host.name, state: 'unknown', evidence: unique(unsure), plan: null };
  return patched.length > 0 ? { host: host.name, state: 'patched', evidence: unique(patched), plan: null } : null;
}

const endOf = (ranges: Advisory['affected'][number]['ranges']): string => {
  const fixes = ranges.flatMap(({ fixed }) => (fixed === null ? [] : [fixed]));
  return fixes.length > 0 ? `, which is fixed in ${fixes.join(' and ')}` : '';
};

function* itemsOf(host: RiskHost, fleet: Fleet): Generator<{ item: InstalledPackage; key: string }> {
  const ecosystem = ecosystemOf(host);
  for (const number of (ecosystem && host.packages) ?? []) {
    const item = fleet.packages[number];
    if (item && ecosystem) yield { item, key: ecosystem.key };
  }
  for (const number of host.libraries ?? []) {
    const library = fleet.libraries[number];
    const key = library && { npm: 'npm', pypi: 'PyPI', maven: 'Maven' }[library.ecosystem];
    const own = key ? ecosystemNamed(key) : null;
    if (library && own)
      yield {
        item: { name: library.name, version: library.version, source: library.name, sourceVersion: library.version },
        key: own.key,
      };
  }
}
