import type { PlanHeader } from '@tidemark/shared/orders/plan.ts';
import { countsAsFailed, type HostPicture, type Picture } from './picture.ts';
import type { Action } from './snapshot.ts';

type Budget = PlanHeader['budgets'][number];

interface Spent {
  budget: Budget;
  /** `wave canary`, `run`. */
  scope: string;
  failed: readonly HostPicture[];
  of: number;
  exceeded: boolean;
  /** One incident for one number of failures: who resumes a paused run accepts those, not the next one. */
  key: string;
}

/** Every budget with every wave, cluster or application that it is about, and how much of it is spent. */
export function spentBudgets(picture: Picture): Spent[] {
  const { header } = picture.snapshot.plan;
  return header.budgets.flatMap((budget, number) =>
    [...scopesOf(budget, picture)].map(([name, hosts]) => {
      const failed = hosts.filter(countsAsFailed);
      return {
        budget,
        scope: budget.scope === 'run' ? 'the run' : `${budget.scope} ${name}`,
        failed,
        of: hosts.length,
        exceeded: isExceeded(budget, failed.length, hosts.length),
        key: `budget:${picture.snapshot.run.id}::${number}:${name}:${failed.length}`,
      };
    }),
  );
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

function scopesOf(budget: Budget, picture: Picture): Map<string, HostPicture[]> {
  const scopes = new Map<string, HostPicture[]>();
  for (const host of picture.hosts) {
    const { wave, cluster, application } = host.plan.planned;
    const name = { wave, cluster, application, run: '' }[budget.scope];
    if (name === null || (budget.of !== null && budget.of !== name)) continue;
    const hosts = scopes.get(name) ?? [];
    hosts.push(host);
    scopes.set(name, hosts);
  }
  return scopes;
}

/** Pauses or stops the run where more has failed than a budget allows and nobody has accepted so many. */
export function budgetActions(picture: Picture): Action[] {
  const { run, incidents } = picture.snapshot;
  if (run.state === 'stopping') return [];
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
  const mine = spentBudgets(picture).filter(
    ({ budget, scope }) => budget.scope === 'run' || (budget.scope === 'wave' && scope === `wave ${name}`),
  );
  if (mine.length === 0) return picture.hosts.some(host => host.plan.wave === wave && countsAsFailed(host));
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
