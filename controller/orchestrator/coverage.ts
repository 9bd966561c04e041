import { isDeepStrictEqual } from 'node:util';
import type { Plan } from '@tidemark/shared/orders/plan.ts';
import type { Envelope } from '@tidemark/shared/signing/dsse.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { judgeApprovals } from './approvals.ts';
import type { Picture } from './picture.ts';
import type { Approvals } from './ports.ts';
import type { Action } from './snapshot.ts';

/** So often it is looked at again whether a run may still start hosts: approvals end, and trust roots change. */
const LOOK_MS = 5_000;

interface Known {
  /** When it was looked at last. */
  at: number;
  root: TrustRoot | null;
  envelopes: readonly Envelope[];
  missing: string | null;
  /** When it was judged, and until when time alone changes nothing about that. */
  from: number;
  until: number;
}

/**
 * Says of plans why no further start is covered by their approvals; null where starts are. Signatures are verified again
 * when a document is another one or one of them expires, and not each time.
 */
export function createCoverage(approvals: Approvals): (plan: Plan, now: number) => Promise<string | null> {
  const known = new Map<string, Known>();
  return async (plan, now) => {
    const last = known.get(plan.digest);
    if (last && now >= last.at && now - last.at < LOOK_MS) return last.missing;
    const root = await approvals.trustRoot();
    const envelopes = root === null ? [] : await approvals.of(plan.digest);
    if (
      last &&
      now >= last.from &&
      now < last.until &&
      isDeepStrictEqual([root, envelopes], [last.root, last.envelopes])
    )
      known.set(plan.digest, { ...last, at: now });
    else known.set(plan.digest, { at: now, root, envelopes, from: now, ...judge(plan, root, envelopes, now) });
    return known.get(plan.digest)?.missing ?? null;
  };
}

const judge = (plan: Plan, root: TrustRoot | null, envelopes: readonly Envelope[], now: number) =>
  root === null
    ? { missing: 'the controller has no trust root any more', until: Number.POSITIVE_INFINITY }
    : judgeApprovals(plan, envelopes, root, now);

/**
 * Starts nobody whom no approval covers any more. What has begun comes to its end: a server that stays half done is worse
 * than one that was finished late.
 */
export function coverageActions({ snapshot, waiting }: Picture): Action[] {
  const { run, incidents, plan } = snapshot;
  const missing = snapshot.uncovered ?? null;
  const left = waiting.filter(host => !host.begun).length;
  if (missing === null || run.state !== 'running' || left === 0) return [];
  const ends = plan.header.approvals.some(rule => rule.onExpire === 'cancel');
  const title = `no further host may start: ${missing}`;
  const key = `approval:${run.id}::plan`;
  const actions: Action[] = [];
  if (!incidents.has(key)) {
    const detail = ends
      ? `${left} hosts have not begun and will not; the policy cancels them. Make a plan for them.`
      : `${left} hosts have not begun. The run is paused: stop it, and make a plan for them that is approved.`;
    actions.push({ action: 'openIncident', key, host: null, title, detail });
  }
  actions.push({ action: ends ? 'stopRun' : 'pauseRun', reason: title });
  return actions;
}
