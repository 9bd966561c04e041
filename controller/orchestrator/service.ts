import type { Clock } from '@tidemark/shared/base/clock.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import type { Direction } from '@tidemark/shared/orders/job-state.ts';
import type { Plan } from '@tidemark/shared/orders/plan.ts';
import type { Envelope } from '@tidemark/shared/signing/dsse.ts';
import { type AmendmentRequest, amendRun, type SentAmendment } from './amendments.ts';
import { runEvent } from './applying.ts';
import { createCoverage } from './coverage.ts';
import type { OrchestratorError } from './errors.ts';
import { createGateWatch, type GateStore, type GateWatch, type Probe } from './gate-watch.ts';
import type { KnownPlans } from './known-plans.ts';
import { launch } from './launch.ts';
import { Listening } from './listening.ts';
import { matrixOf } from './matrix.ts';
import { pictureAt, pictureOf } from './picture.ts';
import type { PlanIndex } from './plan-index.ts';
import type { Approvals, IsTrue, Leases, OrchestratorStore, RunEventName, StoredRun } from './ports.ts';
import { createRecording } from './recording.ts';
import { situationOf } from './situation.ts';
import { type ActiveRunState, DEFAULT_DEADLINES, type Deadlines, type RunState } from './snapshot.ts';
import { startActions } from './starts.ts';
import { isActiveState, snapshotOf } from './stored-snapshot.ts';
import { type RunMemories, type TickDependencies, tick } from './ticking.ts';
import { reasonOf, stateOf, viewOf } from './views.ts';

export interface OrchestratorDependencies {
  store: OrchestratorStore;
  planOf: KnownPlans;
  approvals: Approvals;
  leases: Leases;
  isTrue: IsTrue;
  clock: Clock;
  /** Of this process; unique among all that use the database. */
  holder: string;
  deadlines?: Deadlines;
  /** What gates of waves need. Without it they stay shut, but for those that ask for approvals. */
  gates?: { store: GateStore; probe: Probe };
  /** Why nothing new may begin with a bundle, null where it may. Without it every plan's bundle may be used. */
  barOfBundle?: (name: string) => Promise<string | null>;
  /** Something in the background went wrong; it is tried again. */
  onTrouble?: (error: unknown) => void;
  /** Called whenever something was stored that may have to be decided about. */
  wake?: () => void;
}

export type Orchestrator = ReturnType<typeof createOrchestrator>;

interface Request {
  run: string;
  by: string;
  reason: string;
}

/** Runs plans. All state is in the store: another object, or another process, carries on where this one stopped. */
export function createOrchestrator(dependencies: OrchestratorDependencies) {
  const { store, planOf, approvals, leases, isTrue, clock, holder } = dependencies;
  const listening = new Listening(clock);
  const deadlines = (): Deadlines => ({
    ...(dependencies.deadlines ?? DEFAULT_DEADLINES),
    listeningSince: listening.since,
  });
  const wake = dependencies.wake ?? (() => {});
  const barOfBundle = dependencies.barOfBundle ?? (async () => null);
  const coverageOf = createCoverage(approvals);
  const memories: RunMemories = new Map();
  const gates = dependencies.gates ? createGateWatch({ ...dependencies.gates, approvals, clock, wake }) : null;
  /** Not awaited: somebody who does not answer must not keep other runs waiting. */
  const ask: TickDependencies['ask'] = (...about) => {
    for (const asked of gates?.look(...about) ?? []) asked.catch(dependencies.onTrouble ?? (() => {}));
  };

  /** Changes a run's state for a person, who is named in the audit. */
  async function control(
    { run, by, reason }: Request,
    to: ActiveRunState,
    event: RunEventName,
    mayFrom: readonly RunState[],
  ): Promise<Result<null, OrchestratorError>> {
    const result = await store.transaction(async transaction => {
      const stored = await transaction.lockRun(run);
      if (stored === null) return unknownRun(run);
      if (stored.state === to) return ok(null);
      if (!isActiveState(stored.state)) {
        return fail('run-ended', `run ${run} has ended: it ${stored.state}`);
      }
      if (!mayFrom.includes(stored.state))
        return fail('not-now', `run ${run} is ${stored.state}, it cannot be ${to} now`);
      const why = `${WORD_FOR[to]} by ${by}${reason ? `: ${reason}` : ''}`;
      await transaction.setRun(run, { state: to, reason: to === 'running' ? '' : why, endedAt: null });
      if (to === 'running') await gates?.forget(run);
      await transaction.addEvents(run, [runEvent(event, clock.now(), why)]);
      await transaction.audit({ actor: by, action: `run.${to}`, subject: run, detail: { from: stored.state, reason } });
      return ok(null);
    });
    wake();
    return result;
  }

  async function atGate<T>(
    run: string,
    work: (watch: GateWatch, plan: Plan) => Promise<Result<T, OrchestratorError>>,
  ): Promise<Result<T, OrchestratorError>> {
    const stored = await store.read.run(run);
    if (stored === null) return unknownRun(run);
    if (!isActiveState(stored.state)) return fail('run-ended', `run ${run} has ended: it ${stored.state}`);
    const known = await planOf(stored.plan);
    if (known === null || typeof known === 'string') return fail('broken-plan', `its plan cannot be read: ${known}`);
    if (gates === null) return fail('unknown-gate', 'this controller keeps no gates');
    return work(gates, known.plan);
  }

  /**
   * Of members of clusters, whose facts tell their role. Who decides for the run here has read them, and whoever watches
   * it asks once a second: for dozens of clusters they are megabytes. A run that has ended asks for no roles.
   */
  async function withFacts(run: StoredRun, plan: PlanIndex): Promise<StoredRun> {
    if (!isActiveState(run.state)) return run;
    const members = plan.header.hosts.filter(host => host.cluster !== null).map(host => host.id);
    const memory = memories.get(run.id)?.memory;
    const unread = members.filter(id => !memory?.factsOf(id));
    const read = unread.length > 0 ? await store.read.factsOf(unread) : new Map();
    const hosts = [...run.hosts].map(
      ([id, host]) => [id, { ...host, facts: memory?.factsOf(id) ?? read.get(id) ?? null }] as const,
    );
    return { ...run, hosts: new Map(hosts) };
  }

  /** A run as people look at it, and what was planned; null where there is no such run. */
  async function look(run: string) {
    const stored = await store.read.run(run);
    if (stored === null) return null;
    const known = await planOf(stored.plan);
    if (known === null || typeof known === 'string') throw new Error(`the plan of ${run} cannot be read: ${known}`);
    const now = clock.now();
    const told = await withFacts(stored, known.index);
    const standing = await gates?.states(run, known.plan, now);
    return { shown: viewOf(told, known, isTrue, deadlines(), now, standing), header: known.plan.header };
  }

  return {
    /** Begins a run of an approved plan. */
    async apply(request: { plan: string; by: string }): Promise<Result<{ run: string }, OrchestratorError>> {
      const started = await launch({ store, approvals, planOf, barOfBundle, clock }, request);
      if (started.ok) wake();
      return started;
    },

    /** Decides, for every run that has not ended. Safe at any time and by any number of processes. */
    tick: () =>
      listening.while(() =>
        tick({
          store,
          leases,
          planOf,
          isTrue,
          coverageOf,
          clock,
          deadlines: deadlines(),
          holder,
          memories,
          gates,
          ask,
        }),
      ),

    ...createRecording({ store, planOf, clock, wake }),

    /** No further host begins; those that have begun come to their end, which is the next safe point. */
    pause: (request: Request) => control(request, 'paused', 'run-paused', ['running']),
    /** Goes on, and accepts the failures for which a budget paused the run. */
    resume: (request: Request) => control(request, 'running', 'run-resumed', ['paused']),
    /**
     * No further host begins; the run ends as stopped when those that have begun are through, or, with `undo`, taken back.
     * A run that is stopped already can still be taken back, and none that is taken back stops halfway.
     */
    stop: ({ undo = false, ...request }: Request & { undo?: boolean }) =>
      undo
        ? control(request, 'undoing', 'run-stopping', ['running', 'paused', 'stopping'])
        : control(request, 'stopping', 'run-stopping', ['running', 'paused']),

    /** Takes in what a person signed beyond an order: another attempt, a job to skip or done by hand, a host to take back. */
    async amend(request: AmendmentRequest): Promise<Result<SentAmendment, OrchestratorError>> {
      const sent = await amendRun({ store, approvals, planOf, isTrue, clock, deadlines: deadlines() }, request);
      if (sent.ok) wake();
      return sent;
    },

    /** Takes in an approval that was signed for the gate of a wave. */
    approveWave: (request: { run: string; wave: string; envelope: Envelope; by: string }) =>
      atGate(request.run, (watch, plan) => watch.approve(plan, request)),

    /** Somebody outside says go, or no-go, to a gate that waits for it. */
    signal: (request: { run: string; wave: string; gate: string; go: boolean; by: string; reason: string }) =>
      atGate(request.run, (watch, plan) => watch.signal(plan, request)),

    /** Newest first. */
    async list() {
      const rows = await store.read.runs();
      return rows.map(({ planName, ...row }) => ({ ...row, name: planName }));
    },

    /** Null where there is no such run. */
    view: async (run: string) => (await look(run))?.shown ?? null,

    /** The same as hosts x steps, small enough for many hosts; null where there is no such run. */
    async matrix(run: string) {
      const view = await look(run);
      return view && matrixOf(view.shown, view.header);
    },

    /** What somebody needs to know who looks after an incident; null where its run is over or unknown. */
    async situation({ run, host, position }: { run: string; host: string | null; position: number | null }) {
      const stored = await store.read.run(run);
      if (stored === null) return null;
      const known = await planOf(stored.plan);
      if (known === null || typeof known === 'string') return null;
      const now = clock.now();
      const standing = await gates?.states(run, known.plan, now);
      const snapshot = snapshotOf(await withFacts(stored, known.index), known.index, isTrue, deadlines());
      const picture = pictureOf({ ...snapshot, ...(standing && { gates: standing }) }, now);
      const { waits } = startActions(picture);
      const number = host === null ? undefined : known.index.byName.get(host);
      const about = number === undefined ? null : pictureAt(picture, number);
      const ended = !isActiveState(stored.state);
      const told = situationOf(picture, about, position, one => ({
        state: stateOf(one),
        reason: reasonOf(picture, one, waits, ended),
      }));
      return ended ? { ...told, minutesLeft: null, actions: [] } : told;
    },

    /** Events after `afterId`, oldest first; `ended` where none can follow. */
    async events({ run, afterId, limit }: { run: string; afterId: number; limit: number }) {
      const stored = await store.read.run(run);
      if (stored === null) return null;
      const events = await store.read.events(run, afterId, limit);
      return { events, ended: !isActiveState(stored.state) && events.length < limit };
    },

    /** One job with what is kept of its output. */
    async job({
      run,
      host,
      position,
      direction,
    }: {
      run: string;
      host: string;
      position: number;
      direction: Direction;
    }) {
      const job = await store.read.job(run, host, position, direction);
      if (job === null) return null;
      const { state, attempt, message } = job;
      const live =
        job.output === null && direction === 'forward'
          ? await store.read.liveOutput?.({ run, hostName: host, position, attempt })
          : null;
      const output = job.output ?? (live ? { ...live, digest: null } : null);
      return {
        ...{ run, host, position, direction, state, attempt, message },
        job: job.job,
        size: output?.size ?? null,
        digest: output?.digest ? `sha256:${Buffer.from(output.digest).toString('hex')}` : null,
        head: Buffer.from(output?.head ?? []).toString('base64'),
        tail: Buffer.from(output?.tail ?? []).toString('base64'),
      };
    },
  };
}

const WORD_FOR: Record<ActiveRunState, string> = {
  running: 'resumed',
  paused: 'paused',
  stopping: 'stopped',
  undoing: 'stopped with undo',
};

const fail = (code: OrchestratorError['code'], message: string) => err({ code, message });
const unknownRun = (run: string) => fail('unknown-run', `there is no run ${run}: see "tidemark get runs"`);
