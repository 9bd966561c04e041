import type { HostSubject } from './cel.ts';
import type { PlanError } from './errors.ts';
import type { Policy } from './policy.ts';
import type { Candidate } from './population.ts';
import { Undecided } from './undecided.ts';

/** How important each host is, by its name: of the groups that it is in the highest; 0 in none. */
export function findImportance(
  policy: Policy,
  candidates: readonly Candidate[],
): { importance: ReadonlyMap<string, number>; errors: PlanError[] } {
  const undecided = new Undecided();
  const importance = new Map<string, number>();
  if (policy.groups.length === 0) return { importance, errors: [] };
  for (const { view, role } of candidates) {
    const host: HostSubject = { ...view.subject, clusterRole: role ?? '' };
    const found = policy.groups.flatMap(({ name, when, importance: weight, place }) => {
      const answer = when.holds({ host });
      if (!answer.ok) undecided.add(place, `whether group ${name} has`, view.host.name, answer.error);
      return answer.ok && answer.value ? [weight] : [];
    });
    if (found.length > 0) importance.set(view.host.name, Math.max(...found));
  }
  return { importance, errors: undecided.errors() };
}
