import type { PlanHeader } from '@tidemark/shared/orders/plan.ts';
import type { HostPicture, Picture } from './picture.ts';
import { type Action, isStopping } from './snapshot.ts';

type Budget = PlanHeader['budgets'][number];

/**
 * Budgets of time: no further host begins once the run is expected to end too near to the window's end. Where all have begun
 * already there is nothing left to keep back. Who resumes such a run accepts that it is late: it is asked once.
 */
export function marginActions(picture: Picture): Action[] {
  const { plan, run, incidents } = picture.snapshot;
  if (isStopping(run.state) || picture.waiting.length === 0) return [];
  const budgets = [...plan.header.budgets.entries()].filter(([, { minMarginMs }]) => minMarginMs !== null);
  if (budgets.length === 0 || picture.now < plan.header.window.start) return [];
  const end = picture.now + remainingMs(picture);
  const tripped = budgets.filter(
    ([number, budget]) =>
      end > plan.header.window.end - (budget.minMarginMs ?? 0) &&
      !incidents.has(keyOf(run.id, number)) &&
      (run.state === 'running' || budget.action === 'stop'),
  );
  const [worst] = [...tripped].sort(([, a], [, b]) => Number(b.action === 'stop') - Number(a.action === 'stop'));
  if (!worst) return [];
  const actions = tripped.map(
    ([number, budget]): Action => ({
      action: 'openIncident',
      key: keyOf(run.id, number),
      host: null,
      title: titleOf(picture, budget, end),
      detail: detailOf(picture, budget),
    }),
  );
  const reason = titleOf(picture, worst[1], end);
  return [...actions, { action: worst[1].action === 'stop' ? 'stopRun' : 'pauseRun', reason }];
}

/**
 * How long the run takes from now at least, in milliseconds: waves one after the other, each as long as its longest host and
 * as all of its work side by side, with the soaks between them.
 */
export function remainingMs({ snapshot, hosts, now }: Picture): number {
  const { header, waves } = snapshot.plan;
  const longest = new Array<number>(waves.length).fill(0);
  const work = new Array<number>(waves.length).fill(0);
  for (const host of hosts) {
    const left = leftOf(host, now);
    longest[host.plan.wave] = Math.max(longest[host.plan.wave] ?? 0, left);
    work[host.plan.wave] = (work[host.plan.wave] ?? 0) + left;
  }
  const ends: number[] = [];
  let end = 0;
  for (const [wave, { needs }] of waves.entries()) {
    const times = snapshot.waves[wave];
    if (times && times.endedAt !== null) {
      ends.push(times.endedAt - now);
      continue;
    }
    const soaked = needs.map(need => (ends[need] ?? 0) + (header.waves[need]?.soakMs ?? 0));
    const begin = times && times.openedAt !== null ? 0 : Math.max(end, 0, ...soaked);
    end = begin + Math.max(longest[wave] ?? 0, (work[wave] ?? 0) / (header.waves[wave]?.maxParallel ?? 1));
    ends.push(end);
  }
  return Math.round(end);
}

/** What is left of the host's order: all of it before it begins, nothing once no rule does anything more on it. */
function leftOf({ phase, plan, host }: HostPicture, now: number): number {
  if (phase.is === 'waiting') return plan.expectedMs;
  if (phase.is !== 'working') return 0;
  let left = 0;
  for (let at = phase.position; at < plan.jobs.length; at++) left += plan.jobs[at]?.expectedMs ?? 0;
  const startedAt = host.jobs[phase.position]?.startedAt ?? null;
  const spent = startedAt === null ? 0 : Math.min(now - startedAt, plan.jobs[phase.position]?.expectedMs ?? 0);
  return left - Math.max(0, spent);
}

const keyOf = (run: string, number: number): string => `budget:${run}::${number}:margin`;
const minutes = (ms: number): number => Math.round(ms / 60_000);
const iso = (ms: number): string => new Date(ms).toISOString();

function titleOf({ snapshot }: Picture, { minMarginMs }: Budget, end: number): string {
  const before = minMarginMs ? `${minutes(minMarginMs)} min before the window's end` : "the window's end";
  return `the run is expected to end at ${iso(end)}, after ${before} at ${iso(snapshot.plan.header.window.end)}`;
}

const detailOf = ({ waiting }: Picture, { action }: Budget): string =>
  `${waiting.length} hosts have not begun. ` +
  (action === 'pause'
    ? 'The run is paused: resume it to go on all the same, or stop it.'
    : 'The run starts no further host and ends when those at work are through.');
