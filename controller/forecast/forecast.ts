import type { Order } from '@tidemark/shared/orders/order.ts';
import type { PlanHeader } from '@tidemark/shared/orders/plan.ts';
import { indexPlan, type PlanIndex } from '../orchestrator/plan-index.ts';
import { draw, normals } from './durations.ts';
import { type PlayedNight, playNight } from './play.ts';

/** Times are milliseconds since the epoch, margins milliseconds. */
export interface Forecast {
  repetitions: number;
  end: { p50: number; p90: number };
  /** From the end (p90) to the window's end without its reserve. */
  marginMs: number;
  /** Hosts that were not begun in some nights, the most often first. */
  late: { host: string; share: number; reason: string }[];
  /** Limits that, raised, let the run end earlier; the one that brings most first. */
  binds: { limit: string; is: number; raisedTo: number; end: number; earlierMs: number }[];
}

export interface ForecastPlan {
  digest: string;
  header: PlanHeader;
  orders: readonly Order[];
}

export interface ForecastOptions {
  repetitions: number;
  /** The same seed gives the same forecast. */
  seed?: number;
}

/** For what raising a limit would bring, where the difference is large or none: fewer nights will do. */
const WHAT_IF_REPETITIONS = 10;
/** By how much a limit is raised to see what that brings. */
const RAISED = 1.5;
/** What is gained by less is not worth a word. */
const WORTH_MS = 60_000;

/** Plays the plan's night many times. Gives the event loop a turn between them. */
export async function forecast(plan: ForecastPlan, options: ForecastOptions): Promise<Forecast> {
  const { repetitions, seed = 1 } = options;
  const nights = await playAll(plan, repetitions, seed);
  const { window } = plan.header;
  const ends = nights.map(({ end }) => end);
  const p90 = quantile(ends, 0.9);
  const fewer = Math.min(repetitions, WHAT_IF_REPETITIONS);
  const usual = quantile(
    nights.slice(0, fewer).map(({ end }) => end),
    0.5,
  );
  return {
    repetitions,
    end: { p50: quantile(ends, 0.5), p90 },
    marginMs: window.end - window.reserveMs - p90,
    late: lateIn(plan.header, nights),
    binds: await bindingLimits(plan, { ...options, repetitions: fewer, seed }, usual),
  };
}

async function playAll(plan: ForecastPlan, repetitions: number, seed: number): Promise<PlayedNight[]> {
  const index = indexForTime(plan);
  const nights: PlayedNight[] = [];
  for (let repetition = 0; repetition < repetitions; repetition++) {
    nights.push(playNight(index, durations(index, seed * 100_003 + repetition)));
    await new Promise(resolve => setImmediate(resolve));
  }
  return nights;
}

/** Approvals, gates and budgets are people's and not time's. */
function indexForTime({ digest, header, orders }: ForecastPlan): PlanIndex {
  const waves = header.waves.map(wave => ({ ...wave, gates: [] }));
  return indexPlan(digest, { ...header, waves, approvals: [], budgets: [] }, orders);
}

/** Drawn once a night and job, in an order that does not depend on the limits: so two forecasts can be compared. */
function durations(plan: PlanIndex, seed: number) {
  const normal = normals(seed);
  const drawn = plan.hosts.map(({ jobs }) => jobs.map(job => draw({ p50: job.expectedMs, p90: job.p90Ms }, normal())));
  return (host: number, position: number): number => drawn[host]?.[position] ?? 0;
}

function lateIn(header: PlanHeader, nights: readonly PlayedNight[]): Forecast['late'] {
  const found = new Map<number, { times: number; reason: string }>();
  for (const { late } of nights)
    for (const [host, reason] of late) found.set(host, { times: (found.get(host)?.times ?? 0) + 1, reason });
  return [...found]
    .map(([host, { times, reason }]) => ({
      host: header.hosts[host]?.name ?? '',
      share: times / nights.length,
      reason,
    }))
    .sort((a, b) => b.share - a.share || (a.host < b.host ? -1 : 1));
}

async function bindingLimits(plan: ForecastPlan, options: ForecastOptions, usual: number): Promise<Forecast['binds']> {
  const found: Forecast['binds'] = [];
  for (const { limit, is, raisedTo, header } of raisedPlans(plan.header)) {
    const nights = await playAll({ ...plan, header }, options.repetitions, options.seed ?? 1);
    const end = quantile(
      nights.map(night => night.end),
      0.5,
    );
    if (usual - end >= WORTH_MS) found.push({ limit, is, raisedTo, end, earlierMs: usual - end });
  }
  return found.sort((a, b) => b.earlierMs - a.earlierMs);
}

function raisedPlans(header: PlanHeader): { limit: string; is: number; raisedTo: number; header: PlanHeader }[] {
  const waves = header.waves.flatMap((wave, index) => {
    const hosts = header.hosts.filter(host => host.wave === wave.name).length;
    const raisedTo = Math.min(hosts, Math.ceil(wave.maxParallel * RAISED));
    if (raisedTo <= wave.maxParallel) return [];
    const raised = header.waves.with(index, { ...wave, maxParallel: raisedTo });
    const limit = `maxParallel of wave ${wave.name}`;
    return [{ limit, is: wave.maxParallel, raisedTo, header: { ...header, waves: raised } }];
  });
  // One by one there are too many, and clusters are never loosened: what their members wait for is safety.
  const tiers = header.limits.filter(limit => !limit.name.startsWith('cluster '));
  if (tiers.length === 0) return waves;
  const limits = header.limits.map(limit => (tiers.includes(limit) ? { ...limit, maxOut: limit.maxOut + 1 } : limit));
  const least = Math.min(...tiers.map(limit => limit.maxOut));
  const all = {
    limit: 'hosts out of service in each tier',
    is: least,
    raisedTo: least + 1,
    header: { ...header, limits },
  };
  return [...waves, all];
}

/** By the nearest rank. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}
