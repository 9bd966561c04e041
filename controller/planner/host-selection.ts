import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { parseCondition } from './cel.ts';
import { type KnownFleet, viewFleet } from './fleet-view.ts';

/**
 * The names of the hosts that a condition holds for, as `select` in a policy: none is an answer, but a condition that
 * cannot be read, or has no answer for some host, is an error that says why. Pure.
 */
export function selectByCondition(text: string, fleet: KnownFleet): Result<string[], string> {
  const condition = parseCondition(text, 'host');
  if (!condition.ok) return err(`the condition ${JSON.stringify(text)} cannot be used: ${condition.error.message}`);
  const names: string[] = [];
  for (const view of viewFleet(fleet).hosts.values()) {
    const answer = condition.value.holds({ host: view.subject });
    if (!answer.ok)
      return err(`the condition ${JSON.stringify(text)} has no answer for ${view.host.name}: ${answer.error}`);
    if (answer.value) names.push(view.host.name);
  }
  return ok(names);
}
