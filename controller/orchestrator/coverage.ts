import { isDeepStrictEqual } from 'node:util';
import type { Plan } from '@tidemark/shared/orders/plan.ts';
import type { Envelope } from '@tidemark/shared/signing/dsse.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { judgeApprovals } from './approvals.ts';
import { gateKey } from './gates.ts';
import type { Picture } from './picture.ts';
import type { Approvals } from './ports.ts';
import type { Action, RunSnapshot } from './snapshot.ts';

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
  const about = latestOf(incidents, `approval:${run.id}::plan`);
  if (missing === null && about.open !== null)
    return [{ action: 'resolveIncident', key: about.open, reason: 'it has been approved anew' }];
  const left = waiting.filter(host => !host.begun).length;
  if (missing === null || run.state !== 'running' || left === 0) return [];
  const ends = plan.header.approvals.some(rule => rule.onExpire === 'cancel');
  const title = `no further host may start: ${missing}`;
  const actions: Action[] = [];
  if (about.open === null) {
    const detail = ends
      ? `${left} hosts have not begun and will not; the policy cancels them. Make a plan for them.`
      : `${left} hosts have not begun. The run is paused: have the plan approved anew (tidemark approve ${plan.digest} --key FILE) and resume the run, or stop it.`;
    actions.push({ action: 'openIncident', key: about.next, host: null, title, detail });
  }
  actions.push({ action: ends ? 'stopRun' : 'pauseRun', reason: title });
  return actions;
}

/**
 * An approval of a wave that has run out while the wave is open: its hosts that have not begun wait for a new one, and
 * somebody has to know. Where the policy cancels them nobody waits, and the rules of the end give them up.
 */
export function lapsedActions(picture: Picture): Action[] {
  const { snapshot, waiting } = picture;
  const { run, plan, waves, incidents } = snapshot;
  const actions: Action[] = [];
  for (const [wave, { name, gates }] of plan.header.waves.entries()) {
    const times = waves[wave];
    if (!times || times.openedAt === null) continue;
    for (const [number, gate] of gates.entries()) {
      if (gate.kind !== 'approval') continue;
      const about = latestOf(incidents, `lapsed:${run.id}::${name}/${gate.name}`);
      const stands = snapshot.gates?.get(gateKey(wave, number))?.state === 'passed';
      const left = waiting.filter(host => host.plan.wave === wave && !host.begun).length;
      if (about.open !== null && (stands || left === 0 || times.endedAt !== null)) {
        actions.push({
          action: 'resolveIncident',
          key: about.open,
          reason: stands ? 'it was approved anew' : 'nobody waits',
        });
      }
      if (stands || left === 0 || times.endedAt !== null || gate.onExpire !== 'hold') continue;
      if (about.open !== null || run.state !== 'running') continue;
      actions.push({
        ...{ action: 'openIncident', key: about.next, host: null },
        title: `wave ${name}: the approval of gate ${gate.name} has run out, no further host of it starts`,
        detail: `${left} hosts have not begun. What has begun goes on. Approve it anew: tidemark run approve ${run.id} ${name} --key FILE`,
      });
    }
  }
  return actions;
}

/** What can happen again has an incident for each time: the one that is open, and the key of the next. */
function latestOf(incidents: RunSnapshot['incidents'], key: string): { open: string | null; next: string } {
  for (let time = 1; ; time++) {
    const one = time === 1 ? key : `${key}#${time}`;
    const state = incidents.get(one);
    if (state === undefined) return { open: null, next: one };
    if (state === 'open') return { open: one, next: one };
  }
}
