import type { JobState } from '@tidemark/shared/orders/job-state.ts';
import type { PlanHeader } from '@tidemark/shared/orders/plan.ts';
import type { viewOf } from './views.ts';

type RunView = ReturnType<typeof viewOf>;
type JobView = RunView['hosts'][number]['jobs'][number];

const LETTERS: Readonly<Record<JobState, string>> = {
  pending: 'p',
  released: 'r',
  running: 'R',
  succeeded: 's',
  failed: 'f',
  missed: 'm',
  unknown: 'u',
  skipped: 'k',
  cancelled: 'c',
};
const NO_JOB = '.';
/** Of several jobs of one step, the one that people must see. */
const MOST_TELLING = ['x', 'f', 'u', 'm', '<', 'R', 'r', 'b', 'p', 'c', 'k', 's'];

/** A run as hosts x steps: of each host one letter a step, as `MatrixHost` in the contract says. */
export function matrixOf(view: RunView, header: PlanHeader) {
  const steps = stepsOf(view);
  const column = new Map(steps.map((step, index) => [step, index]));
  const planned = new Map(header.hosts.map(host => [host.id, host]));
  const { hosts, window, ...run } = view;
  return {
    ...run,
    window: { ...window, reserveMs: header.window.reserveMs },
    steps,
    hosts: hosts.map(({ hostId, jobs, frontier: _, ...host }) => {
      const { application = null, cluster = null, tiers = [] } = planned.get(hostId) ?? {};
      return { ...host, application, cluster, tiers, cells: cellsOf(jobs, column) };
    }),
  };
}

function cellsOf(jobs: readonly JobView[], column: ReadonlyMap<string, number>): string {
  const cells: string[] = new Array(column.size).fill(NO_JOB);
  const undone = new Map(jobs.filter(({ direction }) => direction === 'undo').map(job => [job.position, job]));
  for (const job of jobs) {
    if (job.direction === 'undo') continue;
    const at = column.get(job.step) ?? 0;
    const letter = letterOf(job, undone.get(job.position));
    if (rank(letter) < rank(cells[at] ?? NO_JOB)) cells[at] = letter;
  }
  return cells.join('');
}

function letterOf(job: JobView, undo: JobView | undefined): string {
  if (!undo || undo.state === 'cancelled' || undo.state === 'pending') return LETTERS[job.state];
  if (undo.state === 'succeeded' || undo.state === 'skipped') return 'b';
  return undo.state === 'running' || undo.state === 'released' ? '<' : 'x';
}

const rank = (letter: string): number => {
  const at = MOST_TELLING.indexOf(letter);
  return at < 0 ? MOST_TELLING.length : at;
};

/** In an order that keeps that of each host, as far as there is one: a step comes before what follows it on the first host that has both. */
function stepsOf({ hosts }: RunView): string[] {
  const steps: string[] = [];
  for (const { jobs } of hosts) {
    let at = 0;
    for (const { step, direction } of jobs) {
      if (direction === 'undo') continue;
      const known = steps.indexOf(step);
      if (known < 0) steps.splice(at, 0, step);
      at = (known < 0 ? at : known) + 1;
    }
  }
  return steps;
}
