import type { Digest } from '@tidemark/shared/base/digest.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { PlanHeader } from '@tidemark/shared/orders/plan.ts';
import { verifyApproval } from '@tidemark/shared/signing/approval.ts';
import { type Envelope, parseEnvelope } from '@tidemark/shared/signing/dsse.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { type GivenApproval, mayApprove } from './approval-rules.ts';
import type { PlannerError } from './errors.ts';
import type { PlanRun, StoredApproval } from './ports.ts';

/** The names of those whose signature in this envelope counts for the plan, or why it is not taken. */
export function acceptApproval(
  plan: { digest: Digest; header: PlanHeader; run: PlanRun | null },
  envelope: Envelope,
  root: TrustRoot | null,
  now: number,
): Result<string[], PlannerError> {
  const { header, run } = plan;
  // An approval that runs out while the plan runs can be given anew: what has not begun waits for it.
  if (run?.hasEnded)
    return refuse('plan-already-run', `the plan ran as ${run.id}: a plan runs once, so make a new one`);
  if (now >= header.window.end) {
    const end = new Date(header.window.end).toISOString();
    return refuse('window-over', `the plan's window was over at ${end}: make a new plan`);
  }
  if (!root)
    return refuse('no-trust-root', 'the fleet has no trust root yet, so nobody can approve: hand one in first');
  const verified = verifyApproval(envelope, root, plan.digest, now);
  if (!verified.ok) return refuse('approval-invalid', `the approval does not count: ${verified.error}`);
  const names = verified.value.approvers.map(({ name }) => name);
  // Without rules the trust root's thresholds are all there is.
  const counts = (name: string) =>
    header.approvals.length === 0 || header.approvals.some(rule => mayApprove(rule, header.author, name));
  const counting = names.filter(counts);
  if (counting.length > 0) return ok(counting);
  const [name] = names;
  const why = names.includes(header.author)
    ? 'whoever made the plan cannot approve it'
    : `the policy asks for ${asked(header)}`;
  return refuse('approver-not-allowed', `the approval of ${name} does not count for this plan: ${why}`);
}

const asked = (header: PlanHeader): string => header.approvals.flatMap(rule => rule.from).join(', ') || 'other people';

/** What is stored, as far as it still counts: keys may have left the trust root, and approvals expire. */
export function countingApprovals(
  digest: Digest,
  stored: readonly StoredApproval[],
  root: TrustRoot | null,
  now: number,
): GivenApproval[] {
  if (!root) return [];
  return stored.flatMap(({ approver: name, envelope: text }) => {
    const envelope = parseEnvelope(Buffer.from(text, 'utf8'));
    const verified = envelope.ok ? verifyApproval(envelope.value, root, digest, now) : envelope;
    if (!verified.ok) return [];
    const { approval, approvers } = verified.value;
    const { approvedAt, expiresAt } = approval;
    return approvers
      .filter(approver => approver.name === name)
      .map(({ classes }) => ({ approver: name, classes, approvedAt, expiresAt }));
  });
}

/** The header of a plan that this controller has made and stored. */
export const readHeader = (text: string): PlanHeader => PlanHeader.parse(JSON.parse(text));

const refuse = (code: PlannerError['code'], message: string) => err({ code, message });
