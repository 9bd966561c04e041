import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { Plan } from '@tidemark/shared/orders/plan.ts';
import { classOf, kindsOf, type StepClass } from '@tidemark/shared/orders/step-kinds.ts';
import { verifyApproval } from '@tidemark/shared/signing/approval.ts';
import type { Envelope } from '@tidemark/shared/signing/dsse.ts';
import type { Approver, TrustRoot } from '@tidemark/shared/signing/trust-root.ts';

/**
 * What is missing before a plan may run, as one sentence, or null. Every agent checks the trust root's thresholds by
 * itself; here they are checked so that nobody waits for a window in which every server refuses.
 */
export const missingApproval = (
  plan: Plan,
  envelopes: readonly Envelope[],
  root: TrustRoot,
  now: number,
): string | null => judgeApprovals(plan, envelopes, root, now).missing;

/** The same, with the moment until which time alone changes nothing about it. */
export function judgeApprovals(
  plan: Plan,
  envelopes: readonly Envelope[],
  root: TrustRoot,
  now: number,
): { missing: string | null; until: number } {
  const { approvers, why, until } = approversOfPlan(envelopes, root, plan.digest, now);
  const lapses = plan.header.approvals.flatMap(({ expiresMs }) =>
    expiresMs === null ? [] : approvers.map(({ approvedAt }) => approvedAt + expiresMs),
  );
  return {
    missing: missingOf(plan, root, approvers, why, now),
    until: Math.min(until, ...lapses.filter(at => at > now)),
  };
}

function missingOf(plan: Plan, root: TrustRoot, approvers: readonly Given[], why: string, now: number): string | null {
  for (const rule of plan.header.approvals) {
    const counting = approvers.filter(
      ({ name, approvedAt }) =>
        (rule.from.length === 0 || rule.from.includes(name)) &&
        !(rule.notAuthor && name === plan.header.author) &&
        (rule.expiresMs === null || now < approvedAt + rule.expiresMs),
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

type Given = Approver & { approvedAt: number };

function approversOfPlan(
  envelopes: readonly Envelope[],
  root: TrustRoot,
  plan: Digest,
  now: number,
): { approvers: Given[]; why: string; until: number } {
  const approvers = new Map<string, Given>();
  let until = Number.POSITIVE_INFINITY;
  const problems: string[] = [];
  for (const envelope of envelopes) {
    const verified = verifyApproval(envelope, root, plan, now);
    if (!verified.ok) problems.push(verified.error);
    else {
      const { approvers: by, approval } = verified.value;
      until = Math.min(until, approval.expiresAt);
      for (const approver of by) {
        const key = approver.publicKey.toString('hex');
        const approvedAt = Math.max(approval.approvedAt, approvers.get(key)?.approvedAt ?? 0);
        approvers.set(key, { ...approver, approvedAt });
      }
    }
  }
  const why = problems.length > 0 ? ` (${problems.length} do not count: ${problems[0]})` : '';
  return { approvers: [...approvers.values()], why, until };
}

/** A plan never changes, and a large one has a hundred thousand jobs. */
const knownClasses = new WeakMap<Plan, ReadonlySet<StepClass>>();

function classesOf(plan: Plan): ReadonlySet<StepClass> {
  const known = knownClasses.get(plan);
  if (known) return known;
  const classes = new Set<StepClass>();
  knownClasses.set(plan, classes);
  for (const { order } of plan.orders) {
    for (const job of order.jobs) {
      for (const call of job.undo ? [job.call, job.undo] : [job.call])
        for (const kind of kindsOf(call)) classes.add(classOf(kind));
    }
  }
  return classes;
}
