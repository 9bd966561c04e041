import { compile } from '@tidemark/controller/planner/compile.ts';
import { parsePolicy } from '@tidemark/controller/planner/parse-policy.ts';
import type { Policy } from '@tidemark/controller/planner/policy.ts';
import { assert } from '@tidemark/shared/base/assert.ts';
import { encodePlan, openPlan, type Plan, type PlanDocument } from '@tidemark/shared/orders/plan.ts';
import { drawNightFate, type NightFate } from './faults.ts';
import { drawLandscape, type Landscape } from './landscape.ts';
import { Random } from './random.ts';

export interface NightOptions {
  seed: number;
  hosts: number;
  clusters: number;
  windowMs: number;
  /** Share of hosts, messages and transactions with which something goes wrong. */
  faults: number;
  /** Only what ends well without a person at the server: what is measured, and not what is searched for bugs. */
  calm: boolean;
  /** How much slower than expected everything is; null: as the seed says. */
  pace: number | null;
  /** Spread of durations; 0: everything takes exactly what was expected. */
  spread?: number;
  /** Instead of the one that the seed makes. */
  landscape?: Landscape;
}

/** All that is known before the night begins: the fleet, its plan, and what will befall them. */
export interface PreparedNight {
  options: NightOptions;
  random: Random;
  landscape: Landscape;
  policy: Policy;
  document: PlanDocument;
  plan: Plan;
  fate: NightFate;
  pace: number;
  /** In which the run will probably be at work. */
  nightMs: number;
}

/** The production planner's plan for the landscape of the seed. Throws where there is none. */
export function prepareNight(options: NightOptions): PreparedNight {
  const random = new Random(options.seed);
  const landscape = options.landscape ?? drawLandscape(random, options);
  const policy = readPolicy(landscape);
  const document = compilePlan(landscape, policy);
  const opened = openPlan(document);
  assert(opened.ok, opened.ok ? '' : opened.error);
  const plan = opened.value;
  const { start, end } = plan.header.window;
  const pace = options.pace ?? random.fork('pace').pick([1, 1, 2, 4, 8]);
  const nightMs = Math.min(end - start, estimateMs(plan, pace));
  const fate = drawNightFate(random.fork('fate'), {
    ...{ faults: options.faults, calm: options.calm, start, end, nightMs },
    pairs: landscape.input.landscape.clusters.length,
  });
  return { options, random, landscape, policy, document, plan, fate, pace, nightMs };
}

function readPolicy({ policyText, policyFile }: Landscape): Policy {
  const policy = parsePolicy(policyText, policyFile);
  if (!policy.ok) throw new Error(policy.error.map(({ message }) => message).join('; '));
  return policy.value;
}

function compilePlan({ input }: Landscape, policy: Policy): PlanDocument {
  const compiled = compile({ ...input, policy });
  if (!compiled.ok) throw new Error(compiled.error.map(({ message }) => message).join('; '));
  return encodePlan(compiled.value.header, compiled.value.orders);
}

/** About how long the run will take: where troubles are put, so that most of them hit something. */
function estimateMs({ header, orders }: Plan, pace: number): number {
  const lengths = new Map(
    orders.map(({ order }) => [order.host.name, order.jobs.reduce((sum, job) => sum + job.expectedMs, 0) * pace]),
  );
  return header.waves.reduce((sum, wave) => {
    const own = header.hosts.filter(host => host.wave === wave.name).map(host => lengths.get(host.name) ?? 0);
    const work = own.reduce((total, length) => total + length, 0);
    return sum + wave.soakMs + Math.max(work / wave.maxParallel, ...own);
  }, 0);
}
