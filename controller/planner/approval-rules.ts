import { didYouMean } from '@tidemark/shared/base/nearest.ts';
import type { PlanHeader } from '@tidemark/shared/orders/plan.ts';
import type { StepClass } from '@tidemark/shared/orders/step-kinds.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { errorAt, type PlanError } from './errors.ts';
import type { Policy } from './policy.ts';

/** Whether the people that the policy asks for can approve at all: found when planning, not on patch night. */
export function checkApprovalRules(policy: Policy, root: TrustRoot | null, author: string): PlanError[] {
  if (!root) return [];
  const names = root.approvers.map(approver => approver.name);
  const gates = policy.waves.flatMap(wave => wave.gates.filter(gate => gate.kind === 'approval'));
  return [...policy.approvals, ...gates].flatMap(({ from, need, notAuthor, place, fromPlaces }) => {
    const unknown = from.flatMap((name, index) => {
      if (names.includes(name)) return [];
      const message = `the fleet's trust root knows no approver ${name}${didYouMean(name, names)}`;
      return [errorAt(fromPlaces[index] ?? place, message)];
    });
    if (unknown.length > 0) return unknown;
    const able = names.filter(name => (from.length === 0 || from.includes(name)) && !(notAuthor && name === author));
    return able.length >= need
      ? []
      : [errorAt(place, `it needs ${need} approvers, and only ${able.length} can approve a plan of ${author}`)];
  });
}

/** A person's approval, as far as it still counts. */
export interface GivenApproval {
  approver: string;
  classes: readonly StepClass[];
  /** Milliseconds since the epoch. */
  approvedAt: number;
  expiresAt: number | null;
}

export interface ApprovalState {
  approvals: { approver: string; approvedAt: number; expiresAt: number | null }[];
  /** Distinct approvers that it takes. */
  needed: number;
  complete: boolean;
}

/** What the plan's rules and the fleet's thresholds ask for, and what there is. The agents check the thresholds themselves. */
export function approvalState(
  header: Pick<PlanHeader, 'approvals' | 'author'>,
  classes: ReadonlySet<StepClass>,
  root: TrustRoot | null,
  given: readonly GivenApproval[],
): ApprovalState {
  const ruleMet = ({ from, need, notAuthor }: PlanHeader['approvals'][number]) =>
    given.filter(({ approver }) => mayApprove({ from, notAuthor }, header.author, approver)).length >= need;
  const thresholds = [...classes].map(stepClass => ({ stepClass, need: root?.thresholds[stepClass] ?? 1 }));
  const thresholdMet = ({ stepClass, need }: (typeof thresholds)[number]) =>
    given.filter(approval => approval.classes.includes(stepClass)).length >= need;
  return {
    approvals: given.map(({ approver, approvedAt, expiresAt }) => ({ approver, approvedAt, expiresAt })),
    // An order without any approval is refused by every agent, whatever is in it.
    needed: Math.max(1, ...header.approvals.map(rule => rule.need), ...thresholds.map(({ need }) => need)),
    complete: given.length > 0 && header.approvals.every(ruleMet) && thresholds.every(thresholdMet),
  };
}

export const mayApprove = (
  rule: Pick<PlanHeader['approvals'][number], 'from' | 'notAuthor'>,
  author: string,
  approver: string,
): boolean => (rule.from.length === 0 || rule.from.includes(approver)) && !(rule.notAuthor && approver === author);
