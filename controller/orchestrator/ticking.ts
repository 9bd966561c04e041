import { assert } from '@tidemark/shared/base/assert.ts';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { Plan } from '@tidemark/shared/orders/plan.ts';
import { applyActions, remind } from './applying.ts';
import { claimsOf, elsewhereOf } from './claims.ts';
import type { GateWatch } from './gate-watch.ts';
import type { KnownPlans } from './known-plans.ts';
import { pictureOf } from './picture.ts';
import type { PlanIndex } from './plan-index.ts';
import type { IsTrue, Leases, LimitClaim, OrchestratorStore, RunTransaction } from './ports.ts';
import { RunMemory } from './run-memory.ts';
import type { Action, Deadlines } from './snapshot.ts';
import { isActiveState } from './stored-snapshot.ts';
import { gatesToAsk } from './waves.ts';

export interface TickDependencies {
  store: OrchestratorStore;
  leases: Leases;
  planOf: KnownPlans;
  isTrue: IsTrue;
  /** Why the plan's approvals cover no further start, or null. */
  coverageOf(plan: Plan, now: number): Promise<string | null>;
  clock: Clock;
  deadlines: Deadlines;
  /** Of this process: another one that decides for the same run has another name. */
  holder: string;
  gates: GateWatch | null;
  /** Asks gates, in the background. */
  ask(...about: Parameters<GateWatch['look']>): void;
  memories: RunMemories;
}

/** Long enough for a slow tick, short enough that another controller takes over before anybody is called. */
const LEASE_MS = 30_000;
/** The rules reach a fixpoint in a handful of calls; more means that one of them contradicts another. */
const MAX_ROUNDS = 100;

/** So often all of a run is read and compared with what is known of it. */
const VERIFY_MS = 600_000;

/** A run that nobody decides for any more keeps others from its clusters for so long. */
const CLAIM_MS = 900_000;
/** A run that has ended leaves hosts that did not end well: so long they count as out, unless a later run mends them. */
const LEFT_CLAIM_MS = 7 * 24 * 3_600_000;

/** By run, of those that this process decides for. */
export type RunMemories = Map<
  string,
  { epoch: number; memory: RunMemory; verifiedAt: number; claimed?: { text: string; at: number } }
>;

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
  const { memories } = dependencies;
  const epoch = await dependencies.leases.take(leaseOf(run), dependencies.holder, LEASE_MS);
  if (epoch === null) {
    memories.delete(run);
    return;
  }
  try {
    for (let round = 0; ; round++) {
      assert(round < MAX_ROUNDS, `the decisions for run ${run} come to no rest`);
      if (!(await decideOnce(dependencies, { run, epoch, isFirst: round === 0 }))) return;
    }
  } catch (error) {
    // Whether the last transaction was committed may not be known: what is stored is read anew.
    memories.delete(run);
    throw error;
  }
}

/** One decision, applied to the very state that it was made from: the run is locked in between. */
function decideOnce(
  dependencies: TickDependencies,
  { run, epoch, isFirst }: { run: string; epoch: number; isFirst: boolean },
): Promise<boolean> {
  const { store, planOf, clock, deadlines, holder, memories } = dependencies;
  return store.transaction(async transaction => {
    const head = await transaction.lockRun(run);
    if (head === null || !isActiveState(head.state)) {
      memories.delete(run);
      return false;
    }
    if (!(await transaction.holdsLease(leaseOf(run), holder, epoch))) return false;
    const known = await planOf(head.plan);
    assert(known !== null && typeof known !== 'string', `plan ${head.plan} of run ${run} cannot be read: ${known}`);
    const memory = await remembered(dependencies, transaction, { run, epoch, plan: known.index });
    if (isFirst) await memory.refreshPresence(transaction, run);
    const now = clock.now();
    const uncovered = await dependencies.coverageOf(known.plan, now);
    const gates = await dependencies.gates?.states(run, known.plan, now);
    const { limitKeys } = known.index;
    const others = limitKeys.length > 0 ? await transaction.claims?.elsewhere(run, limitKeys) : undefined;
    const elsewhere = others && elsewhereOf(known.index, others);
    const snapshot = {
      ...memory.snapshot(head, deadlines),
      uncovered,
      ...(gates && { gates }),
      ...(elsewhere && { elsewhere }),
    };
    const actions = memory.decide(snapshot, now);
    if (elsewhere)
      await claim(transaction, {
        run,
        epoch,
        memories,
        claims: claimsOf(pictureOf(snapshot, now), actions),
        actions,
        now,
      });
    if (actions.length === 0) {
      await remind(transaction, memory.stored(head), known.index, memory.reminders(snapshot, now));
      if (gates) dependencies.ask(run, known.plan, gatesToAsk(pictureOf(snapshot, now)), gates);
      return false;
    }
    await applyActions(transaction, { run: memory.stored(head), plan: known.index, actions, now });
    return true;
  });
}

/** Claims what is out, where that has changed or was said long ago. */
async function claim(
  transaction: RunTransaction,
  {
    run,
    epoch,
    memories,
    claims,
    actions,
    now,
  }: {
    run: string;
    epoch: number;
    memories: RunMemories;
    claims: readonly LimitClaim[];
    actions: readonly Action[];
    now: number;
  },
): Promise<void> {
  const entry = memories.get(run);
  const text = JSON.stringify(claims);
  const isOver = actions.some(({ action }) => action === 'endRun');
  const said = entry?.claimed;
  if (!isOver && said?.text === text && now >= said.at && now - said.at < CLAIM_MS / 3) return;
  await transaction.claims?.hold(run, epoch, claims, isOver ? LEFT_CLAIM_MS : CLAIM_MS);
  if (entry) entry.claimed = { text, at: now };
}

/** What is known of the run, brought up to date; from the beginning where another has decided in between. */
async function remembered(
  { memories, isTrue, clock }: TickDependencies,
  transaction: RunTransaction,
  { run, epoch, plan }: { run: string; epoch: number; plan: PlanIndex },
): Promise<RunMemory> {
  const kept = memories.get(run);
  const monotonic = clock.monotonic();
  if (kept?.epoch === epoch) {
    await kept.memory.refresh(transaction, run);
    if (monotonic - kept.verifiedAt < VERIFY_MS) return kept.memory;
    const differing = await kept.memory.differences(transaction, run);
    assert(differing.length === 0, `what was known of ${differing.join(', ')} in run ${run} was not what is stored`);
    kept.verifiedAt = monotonic;
    return kept.memory;
  }
  const memory = new RunMemory(plan, isTrue);
  await memory.refresh(transaction, run);
  memories.set(run, { epoch, memory, verifiedAt: monotonic });
  return memory;
}
