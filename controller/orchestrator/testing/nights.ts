import { decide } from '../decide.ts';
import { type PlanSpec, planOf, START } from './random-plan.ts';
import type { Script } from './simulated-agent.ts';
import { SimulatedNight } from './simulated-night.ts';
import { SimulatedRun } from './simulated-run.ts';

export const JOBS = [{ id: 'stop' }, { id: 'patch' }, { id: 'start' }];

const script = (parts: Partial<Script> = {}): Script => ({
  forward: [],
  undo: [],
  refuses: false,
  silent: null,
  ...parts,
});

/** With what becomes of its hosts, by name, and the members of clusters that turn out to be in the other role. */
export const night = (
  spec: PlanSpec,
  scripts: Record<string, Partial<Script>> = {},
  swapped: string[] = [],
): SimulatedNight =>
  new SimulatedNight(planOf(spec), {
    scripts: new Map(Object.entries(scripts).map(([name, parts]) => [name, script(parts)])),
    dice: [1],
    swapped: new Set(swapped),
  });

/** Opened, offered and accepted: whatever does not start now does not for a reason of its own. */
export function ready(spec: PlanSpec): SimulatedRun {
  const run = new SimulatedRun(planOf(spec), START);
  run.waves.forEach((_, wave) => {
    run.waves[wave] = { openedAt: START, endedAt: null };
  });
  for (const host of run.hosts) Object.assign(host, { offeredAt: START, acceptedAt: START });
  return run;
}

/** Names of the hosts that are released now, sorted. */
export const begins = (run: SimulatedRun, now = START): string[] =>
  decide(run.snapshot, now)
    .filter(action => action.action === 'release')
    .map(({ host }) => run.plan.hosts[host]?.planned.name ?? '')
    .sort();
