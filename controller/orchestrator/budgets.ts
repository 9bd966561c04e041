import type { PlanHeader } from '@tidemark/shared/orders/plan.ts';
import type { HostPicture, Picture } from './picture.ts';
import { scopeOf } from './plan-index.ts';
import { type Action, isStopping } from './snapshot.ts';

type Budget = PlanHeader['budgets'][number];

interface Spent {
  budget: Budget;
  /** `wave canary`, `run`. */
  scope: string;
  failed: readonly HostPicture[];
  of: number;
  exceeded: boolean;
  /**
   * One incident for each host that has ever failed: who resumes a paused run accepts those, not the next one. A host that
   * was silent and is heard again has been accepted for itself and makes no room for another.
   */
  key: string;
}

/** Every budget with every wave, cluster or application that it is about and that has failures. */
export function spentBudgets(picture: Picture): Spent[] {
  const { plan, run } = picture.snapshot;
  if (picture.failed.length === 0) return [];
  const recovered = heardAgain(picture);
  return plan.header.budgets.flatMap((budget, number) =>
    budget.minMarginMs !== null
      ? []
      : [...Map.groupBy(picture.failed, host => scopeOf(budget, host.plan.planned))].flatMap(([name, failed]) => {
          if (name === null) return [];
          const of = plan.scopeSizes[number]?.get(name) ?? 0;
          const ever = failed.length + recovered.filter(host => scopeOf(budget, host.plan.planned) === name).length;
          return {
            budget,
            scope: budget.scope === 'run' ? 'the run' : `${budget.scope} ${name}`,
            failed,
            of,
            exceeded: isExceeded(budget, failed.length, of),
            key: `budget:${run.id}::${number}:${name}:${ever}`,
          };
        }),
  );
}

/** Hosts that were silent in this run and have not failed now. */
function heardAgain({ snapshot, hosts, failed }: Picture): HostPicture[] {
  const { run, plan, incidents } = snapshot;
  const prefix = `silent:${run.id}:`;
  const found = new Set<HostPicture>();
  for (const key of incidents.keys()) {
    if (!key.startsWith(prefix)) continue;
    const host = hosts[plan.byId.get(key.split(':', 3)[2] ?? '') ?? -1];
    if (host) found.add(host);
  }
  for (const host of failed) found.delete(host);
  return [...found];
}

/** More than allowed: a budget of 0 is exceeded by the first failure, one of 2 by the third. */
export function isExceeded(
  budget: Pick<Budget, 'maxFailed' | 'maxFailedShare'>,
  failed: number,
  hosts: number,
): boolean {
  if (budget.maxFailed !== null && failed > budget.maxFailed) return true;
  return budget.maxFailedShare !== null && hosts > 0 && failed / hosts > budget.maxFailedShare;
}

/** Pauses or stops the run where more has failed than a budget allows and nobody has accepted so many. */
export function budgetActions(picture: Picture): Action[] {
  const { run, incidents } = picture.snapshot;
  if (isStopping(run.state)) return [];
  const actions: Action[] = [];
  const tripped = spentBudgets(picture).filter(
    spent => spent.exceeded && !incidents.has(spent.key) && (run.state === 'running' || spent.budget.action === 'stop'),
  );
  for (const spent of tripped) {
    actions.push({
      action: 'openIncident',
      key: spent.key,
      host: null,
      title: titleOf(spent),
      detail: detailOf(spent),
    });
  }
  const worst = tripped.find(spent => spent.budget.action === 'stop') ?? tripped[0];
  if (worst) actions.push({ action: worst.budget.action === 'stop' ? 'stopRun' : 'pauseRun', reason: titleOf(worst) });
  return actions;
}

/** Waves that need this one must not begin. Without a budget for it a wave tolerates no failure. */
export function waveHasFailed(picture: Picture, wave: number): boolean {
  const { plan, run, incidents } = picture.snapshot;
  const name = plan.header.waves[wave]?.name;
  const isMine = ({ scope, of, minMarginMs }: Budget) =>
    // A budget of time says nothing about failures, so it tolerates none.
    minMarginMs === null && (scope === 'run' || (scope === 'wave' && (of === null || of === name)));
  if (!plan.header.budgets.some(isMine)) return picture.failed.some(host => host.plan.wave === wave);
  const mine = spentBudgets(picture).filter(
    ({ budget, scope }) => budget.scope === 'run' || (budget.scope === 'wave' && scope === `wave ${name}`),
  );
  return mine.some(
    spent =>
      spent.exceeded && !(run.state === 'running' && incidents.has(spent.key) && spent.budget.action === 'pause'),
  );
}

const titleOf = ({ scope, failed, of, budget }: Spent): string =>
  `${scope}: ${failed.length} of ${of} hosts failed, ${allowance(budget)}`;

function allowance(budget: Budget): string {
  const parts: string[] = [];
  if (budget.maxFailed !== null) parts.push(`${budget.maxFailed}`);
  if (budget.maxFailedShare !== null) parts.push(`${Math.round(budget.maxFailedShare * 1000) / 10} %`);
  return `${parts.join(' or ')} may`;
}

const detailOf = ({ failed, budget }: Spent): string =>
  `Failed: ${failed.map(host => host.plan.planned.name).join(', ')}. ` +
  (budget.action === 'pause'
    ? 'The run is paused: resume it to accept these failures, or stop it.'
    : 'The run starts no further host and ends when those at work are through.');
