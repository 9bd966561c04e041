import type { Plan } from '@tidemark/shared/orders/plan.ts';
import { missingApproval } from './approvals.ts';
import type { Picture } from './picture.ts';
import type { Approvals } from './ports.ts';
import type { Action } from './snapshot.ts';

/** So often it is looked at again whether a run may still start hosts: approvals end, and trust roots change. */
const LOOK_MS = 5_000;

/** Says of plans why no further start is covered by their approvals; null where starts are. */
export function createCoverage(approvals: Approvals): (plan: Plan, now: number) => Promise<string | null> {
  const known = new Map<string, { at: number; missing: string | null }>();
  return async (plan, now) => {
    const last = known.get(plan.digest);
    if (last && now >= last.at && now - last.at < LOOK_MS) return last.missing;
    const root = await approvals.trustRoot();
    const missing =
      root === null
        ? 'the controller has no trust root any more'
        : missingApproval(plan, await approvals.of(plan.digest), root, now);
    known.set(plan.digest, { at: now, missing });
    return missing;
  };
}

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
