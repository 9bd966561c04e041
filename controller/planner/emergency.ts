import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { durationText } from '../documents/quantities.ts';
import { errorAt, type PlanError } from './errors.ts';
import type { Policy } from './policy.ts';

/**
 * The policy as it is in an emergency, and what is another: shorter soaks, fewer waves, other approvers. Gates, checks,
 * limits, budgets and the order of steps and clusters stay what they are.
 */
export function inEmergency(policy: Policy): Result<{ policy: Policy; changes: string[] }, PlanError> {
  const rule = policy.emergency;
  if (!rule)
    return err(
      errorAt(
        policy.window.place,
        'the policy has no "emergency": who approves one, and what it changes, is written before it',
      ),
    );
  const changes: string[] = [];
  const kept = policy.waves.filter(({ name }) => rule.waves === null || rule.waves.includes(name));
  for (const { name } of policy.waves) if (!kept.some(wave => wave.name === name)) changes.push(`has no wave ${name}`);
  const needsOf = (name: string): string[] => {
    if (kept.some(wave => wave.name === name)) return [name];
    return policy.waves.find(wave => wave.name === name)?.needs.flatMap(needsOf) ?? [];
  };
  const waves = kept.map(wave => {
    const soakMs = Math.min(wave.soakMs, rule.soakMs);
    if (soakMs < wave.soakMs)
      changes.push(`wave ${wave.name} soaks ${durationText(soakMs)} instead of ${durationText(wave.soakMs)}`);
    return { ...wave, soakMs, needs: [...new Set(wave.needs.flatMap(needsOf))] };
  });
  const who = rule.approvals.map(({ from, need }) => `${need} of ${from.join(', ') || 'any approvers'}`).join(' and ');
  changes.push(`is approved by ${who}`);
  return ok({ policy: { ...policy, waves, approvals: rule.approvals }, changes });
}
