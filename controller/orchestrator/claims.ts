import { isOut, type Picture } from './picture.ts';
import type { PlanIndex } from './plan-index.ts';
import type { ElsewhereOut, LimitClaim } from './ports.ts';
import type { Action } from './snapshot.ts';

/** By number of the limit: hosts that other runs have out of service, as text. Those of this run it counts itself. */
export function elsewhereOf(plan: PlanIndex, out: readonly ElsewhereOut[]): string[][] {
  const byKey = Map.groupBy(
    out.filter(({ hostId }) => !plan.byId.has(hostId)),
    ({ key }) => key,
  );
  return plan.header.limits.map(({ key }) =>
    key === null ? [] : (byKey.get(key) ?? []).map(({ host, run }) => `${host} in ${run}`),
  );
}

/**
 * What the run has to claim once these actions are applied: whoever is out, and whoever begins now. Read anew each time
 * from the state of the run, so that a claim that got lost is taken again and one that is left over is given back.
 */
export function claimsOf(picture: Picture, actions: readonly Action[]): LimitClaim[] {
  const { header } = picture.snapshot.plan;
  const begins = new Set(actions.flatMap(action => (action.action === 'release' ? [action.host] : [])));
  const goesBack = new Set(actions.flatMap(action => (action.action === 'undo' ? [action.host] : [])));
  const claims: LimitClaim[] = [];
  const isOver = actions.some(({ action }) => action === 'endRun');
  for (const host of picture.hosts) {
    const leaves = goesBack.has(host.index) || (begins.has(host.index) && host.phase.is !== 'done');
    const counts = isOut(host) || leaves;
    // Taken back cleanly it is in service; it protects its peers in this run, and no longer than that.
    if (!counts || (isOver && host.phase.is === 'undone')) continue;
    for (const number of host.plan.limits) {
      const key = header.limits[number]?.key ?? null;
      if (key !== null) claims.push({ key, hostId: host.plan.planned.id, hostName: host.plan.planned.name });
    }
  }
  return claims;
}
