import { assert } from '@tidemark/shared/base/assert.ts';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import { applyActions } from './applying.ts';
import { decide } from './decide.ts';
import type { KnownPlan } from './known-plans.ts';
import type { IsActive, Leases, OrchestratorStore } from './ports.ts';
import type { Deadlines } from './snapshot.ts';
import { isActiveState, snapshotOf } from './stored-snapshot.ts';

export interface TickDependencies {
  store: OrchestratorStore;
  leases: Leases;
  planOf(digest: string): Promise<KnownPlan | string | null>;
  isActive: IsActive;
  clock: Clock;
  deadlines: Deadlines;
  /** Of this process: another one that decides for the same run has another name. */
  holder: string;
}

/** Long enough for a slow tick, short enough that another controller takes over before anybody is called. */
const LEASE_MS = 30_000;
/** The rules reach a fixpoint in a handful of calls; more means that one of them contradicts another. */
const MAX_ROUNDS = 100;

export const leaseOf = (run: string): string => `run:${run}`;

/** Decides for every run that has not ended. An error of one run does not keep the others waiting: they are collected. */
export async function tick(dependencies: TickDependencies): Promise<void> {
  const errors: unknown[] = [];
  for (const run of await dependencies.store.read.activeRuns()) {
    try {
      await tickRun(dependencies, run);
    } catch (error) {
      errors.push(new Error(`run ${run} could not be decided`, { cause: error }));
    }
  }
  if (errors.length > 0)
    throw errors.length === 1 ? errors[0] : new AggregateError(errors, 'runs could not be decided');
}

async function tickRun(dependencies: TickDependencies, run: string): Promise<void> {
  const epoch = await dependencies.leases.take(leaseOf(run), dependencies.holder, LEASE_MS);
  if (epoch === null) return;
  for (let round = 0; ; round++) {
    assert(round < MAX_ROUNDS, `the decisions for run ${run} come to no rest`);
    if (!(await decideOnce(dependencies, run, epoch))) return;
  }
}

/** One decision, applied to the very state that it was made from: the run is locked in between. */
function decideOnce(
  { store, planOf, isActive, clock, deadlines, holder }: TickDependencies,
  run: string,
  epoch: number,
): Promise<boolean> {
  return store.transaction(async transaction => {
    const stored = await transaction.lockRun(run);
    if (stored === null || !isActiveState(stored.state)) return false;
    if (!(await transaction.holdsLease(leaseOf(run), holder, epoch))) return false;
    const known = await planOf(stored.plan);
    assert(known !== null && typeof known !== 'string', `plan ${stored.plan} of run ${run} cannot be read: ${known}`);
    const now = clock.now();
    const actions = decide(snapshotOf(stored, known.index, isActive, deadlines), now);
    if (actions.length === 0) return false;
    await applyActions(transaction, { run: stored, plan: known.index, actions, now });
    return true;
  });
}
