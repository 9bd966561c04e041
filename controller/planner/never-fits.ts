import { durationText } from '../documents/quantities.ts';
import { errorAt, type PlanError } from './errors.ts';
import type { PlannedOrder } from './expand-steps.ts';
import { inOrderOfNeeds } from './graph.ts';
import type { Policy } from './policy.ts';
import type { PlannedWave } from './waves.ts';

/**
 * Whether the waves cannot end before the window and its reserve do, however well all goes: each takes as long as its
 * longest host, and as long as all of its work side by side, and waits for the waves that it needs and for their soaks.
 */
export function neverFits(policy: Policy, waves: readonly PlannedWave[], orders: readonly PlannedOrder[]): PlanError[] {
  const durations = new Map(
    orders.map(({ order }) => [order.host.name, order.jobs.reduce((sum, job) => sum + job.expectedMs, 0)]),
  );
  const ends = new Map<string, number>();
  const soaks = new Map(waves.map(({ rule }) => [rule.name, rule.soakMs]));
  const spare = policy.window.durationMs - policy.window.reserveMs;
  let latest: { wave: PlannedWave; endMs: number } | null = null;
  for (const wave of inOrderOfNeeds(
    waves,
    ({ rule }) => rule.name,
    ({ needs }) => needs,
  )) {
    const hosts = wave.candidates.map(({ view }) => durations.get(view.host.name) ?? 0);
    const work = hosts.reduce((sum, ms) => sum + ms, 0);
    const longest = hosts.reduce((most, ms) => Math.max(most, ms), 0);
    const begin = Math.max(0, ...wave.needs.map(need => (ends.get(need) ?? 0) + (soaks.get(need) ?? 0)));
    const endMs = begin + Math.max(longest, work / wave.maxParallel);
    ends.set(wave.rule.name, endMs);
    if (latest === null || endMs > latest.endMs) latest = { wave, endMs };
  }
  if (latest === null || latest.endMs <= spare) return [];
  const { wave, endMs } = latest;
  return [
    errorAt(
      policy.window.place,
      `wave ${wave.rule.name} cannot end before ${durationText(endMs)} are over, however well all goes, and the window less its reserve has ${durationText(spare)}: soak shorter, let more hosts work at once, or plan fewer`,
    ),
  ];
}
