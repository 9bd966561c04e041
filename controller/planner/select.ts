import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { errorAt, type PlanError } from './errors.ts';
import type { FleetView, HostView } from './fleet-view.ts';
import type { Policy } from './policy.ts';
import { Undecided } from './undecided.ts';

/** The hosts that the policy is about, by name. None is an error: a selector that finds nothing is a wrong one. */
export function selectHosts(policy: Policy, fleet: FleetView): Result<HostView[], PlanError> {
  const selected: HostView[] = [];
  const undecided = new Undecided();
  for (const view of fleet.hosts.values()) {
    const answer = policy.select.holds({ host: view.subject });
    if (!answer.ok) undecided.add(policy.select.place, 'whether it selects', view.host.name, answer.error);
    else if (answer.value) selected.push(view);
  }
  const [error] = undecided.errors();
  if (error) return err(error);
  if (selected.length === 0)
    return err(
      errorAt(
        policy.select.place,
        `it selects none of the ${fleet.hosts.size} hosts in the landscape: "tidemark landscape show" lists them`,
      ),
    );
  return ok(selected);
}

/** Those of the selected hosts that are meant. None is an error, as with the selector itself. */
export function narrowHosts(
  policy: Policy,
  selected: readonly HostView[],
  { hosts, otherwise }: { hosts: ReadonlySet<string>; otherwise: string },
): Result<HostView[], PlanError> {
  const kept = selected.filter(({ host }) => hosts.has(host.name));
  if (kept.length > 0) return ok(kept);
  return err(errorAt(policy.select.place, `of the ${selected.length} hosts that it selects each ${otherwise}`));
}
