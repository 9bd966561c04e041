import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { Plan } from '@tidemark/shared/orders/plan.ts';
import { classOf, type StepClass } from '@tidemark/shared/orders/step-kinds.ts';
import { verifyApproval } from '@tidemark/shared/signing/approval.ts';
import type { Envelope } from '@tidemark/shared/signing/dsse.ts';
import type { Approver, TrustRoot } from '@tidemark/shared/signing/trust-root.ts';

/**
 * What is missing before a plan may run, as one sentence, or null. Every agent checks the trust root's thresholds by
 * itself; here they are checked so that nobody waits for a window in which every server refuses.
 */
export function missingApproval(
  plan: Plan,
  envelopes: readonly Envelope[],
  root: TrustRoot,
  now: number,
): string | null {
  const { approvers, why } = approversOfPlan(envelopes, root, plan.digest, now);
  for (const rule of plan.header.approvals) {
    const counting = approvers.filter(
      ({ name }) =>
        (rule.from.length === 0 || rule.from.includes(name)) && !(rule.notAuthor && name === plan.header.author),
    );
    if (counting.length >= rule.need) continue;
    const from = rule.from.length > 0 ? ` from ${rule.from.join(', ')}` : '';
    const notAuthor = rule.notAuthor ? `, not ${plan.header.author}, who wrote it` : '';
    return `it needs ${rule.need} approvals${from}${notAuthor} and has ${counting.length}${why}`;
  }
  for (const stepClass of classesOf(plan)) {
    const need = root.thresholds[stepClass];
    const have = approvers.filter(approver => approver.classes.includes(stepClass)).length;
    if (have < need) return `its steps of class ${stepClass} need ${need} approvals and have ${have}${why}`;
  }
  return null;
}

function approversOfPlan(
  envelopes: readonly Envelope[],
  root: TrustRoot,
  plan: Digest,
  now: number,
): { approvers: Approver[]; why: string } {
  const approvers = new Map<string, Approver>();
  const problems: string[] = [];
  for (const envelope of envelopes) {
    const verified = verifyApproval(envelope, root, plan, now);
    if (!verified.ok) problems.push(verified.error);
    else for (const approver of verified.value.approvers) approvers.set(approver.publicKey.toString('hex'), approver);
  }
  const why = problems.length > 0 ? ` (${problems.length} do not count: ${problems[0]})` : '';
  return { approvers: [...approvers.values()], why };
}

function classesOf(plan: Plan): Set<StepClass> {
  const classes = new Set<StepClass>();
  for (const { order } of plan.orders) {
    for (const job of order.jobs) {
      classes.add(classOf(job.call.kind));
      if (job.undo) classes.add(classOf(job.undo.kind));
    }
  }
  return classes;
}
