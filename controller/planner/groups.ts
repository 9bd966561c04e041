import type { HostSubject } from './cel.ts';
import type { PlanError } from './errors.ts';
import type { Policy } from './policy.ts';
import type { Candidate } from './population.ts';
import { Undecided } from './undecided.ts';

/** What the policy's groups say of hosts, by their names. */
export interface Grouped {
  /** Of the groups that a host is in the highest; 0 where none says anything. */
  importance: ReadonlyMap<string, number>;
  /** Of which at least one group says that drift is an incident. */
  driftIsIncident: ReadonlySet<string>;
}

export function groupHosts(
  policy: Policy,
  candidates: readonly Candidate[],
): { grouped: Grouped; errors: PlanError[] } {
  const undecided = new Undecided();
  const importance = new Map<string, number>();
  const driftIsIncident = new Set<string>();
  for (const { view, role } of policy.groups.length === 0 ? [] : candidates) {
    const host: HostSubject = { ...view.subject, clusterRole: role ?? '' };
    const own = policy.groups.filter(({ name, when, place }) => {
      const answer = when.holds({ host });
      if (!answer.ok) undecided.add(place, `whether group ${name} has`, view.host.name, answer.error);
      return answer.ok && answer.value;
    });
    const weights = own.flatMap(({ importance: weight }) => weight ?? []);
    if (weights.length > 0) importance.set(view.host.name, Math.max(...weights));
    if (own.some(({ onDrift }) => onDrift === 'incident')) driftIsIncident.add(view.host.name);
  }
  return { grouped: { importance, driftIsIncident }, errors: undecided.errors() };
}
