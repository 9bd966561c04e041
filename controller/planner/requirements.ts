import { errorAt, type PlanError } from './errors.ts';
import { append, type HostView } from './fleet-view.ts';
import type { HostStanding, PlannerLandscape } from './input.ts';
import type { Policy } from './policy.ts';

/** Which of these hosts lack what the policy demands, and why; an error where it then wants no plan at all. */
export function checkRequirements(
  { requires }: Pick<Policy, 'requires'>,
  hosts: readonly Pick<HostView, 'host'>[],
  { standings }: Pick<PlannerLandscape, 'standings'>,
  windowEnd: number,
): { leftOut: ReadonlyMap<string, string>; errors: PlanError[] } {
  const reasons = new Map<string, string[]>();
  const errors: PlanError[] = [];
  for (const { what, afterMs, otherwise, place } of requires) {
    for (const { host } of hosts) {
      const lacking = (standings?.get(host.name) ?? [unknown(what)]).filter(
        ({ kind, ends }) => kind === what && (ends === null || ends < windowEnd + afterMs),
      );
      for (const { text } of lacking) {
        if (otherwise === 'refuse') errors.push(errorAt(place, `${host.name}: ${text}`));
        else append(reasons, host.name, text);
      }
    }
  }
  return { leftOut: new Map([...reasons].map(([name, texts]) => [name, texts.join('; ')])), errors };
}

/** Nobody looked: that is no contract. */
const unknown = (kind: HostStanding['kind']): HostStanding => ({
  kind,
  ends: null,
  text: `nothing is known of its ${kind}`,
});

/** That what the landscape says may be another by now: for those who approve, or why there is no plan. */
export function checkStale(
  { landscape }: Pick<Policy, 'landscape'>,
  { stale = [] }: Pick<PlannerLandscape, 'stale'>,
): PlanError[] {
  if (landscape.onStale === 'note') return [];
  return stale.map(why =>
    errorAt(landscape.place, `the landscape is stale: ${why}. Mend the source, or let the policy say onStale: note`),
  );
}
