import type { Clock } from '@tidemark/shared/base/clock.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import type { Gate, Plan } from '@tidemark/shared/orders/plan.ts';
import { verifyApproval } from '@tidemark/shared/signing/approval.ts';
import { type Envelope, encodeEnvelope } from '@tidemark/shared/signing/dsse.ts';
import type { OrchestratorError } from './errors.ts';
import { type Answer, type DueGate, gateKey, judgeAnswer } from './gates.ts';
import type { Approvals } from './ports.ts';
import type { GateState } from './snapshot.ts';

/** Asks what lies outside. Never throws: whatever goes wrong is a problem that is told. */
export type Probe = (gate: Extract<Gate, { kind: 'http' | 'metric' }>) => Promise<Answer>;

/** What gates have shown, by the name of the wave and the number of the gate in it. */
export interface GateStore {
  read(run: string): Promise<(GateState & { wave: string; gate: number })[]>;
  /** With an event, and in the audit where a person said so. */
  set(
    run: string,
    wave: string,
    gate: number,
    state: GateState,
    by: { name: string; what: string } | null,
  ): Promise<void>;
  /** Those that have not passed are asked anew. */
  forget(run: string): Promise<void>;
  /** What somebody signed for `wave/NAME`, with its audit entry. */
  addApproval(approval: {
    run: string;
    plan: string;
    gate: string;
    approvers: readonly string[];
    envelope: string;
    at: number;
    by: string;
  }): Promise<void>;
}

export interface GateWatchDependencies {
  store: GateStore;
  probe: Probe;
  approvals: Approvals;
  clock: Clock;
  wake(): void;
}

export type GateWatch = ReturnType<typeof createGateWatch>;

/** Knows how the gates of runs stand, and asks those that have to be asked; what they say is stored and decided about next. */
export function createGateWatch({ store, probe, approvals, clock, wake }: GateWatchDependencies) {
  const asking = new Set<string>();

  /** How they stand. Approvals are read each time: they end, and trust roots change. */
  async function states(run: string, plan: Plan, now: number): Promise<ReadonlyMap<string, GateState>> {
    const known = new Map<string, GateState>();
    if (plan.header.waves.every(wave => wave.gates.length === 0)) return known;
    const numbers = new Map(plan.header.waves.map((wave, number) => [wave.name, number]));
    for (const { wave, gate, ...state } of await store.read(run))
      known.set(gateKey(numbers.get(wave) ?? -1, gate), state);
    for (const [wave, { name, gates }] of plan.header.waves.entries()) {
      for (const [gate, spec] of gates.entries()) {
        if (spec.kind !== 'approval') continue;
        known.delete(gateKey(wave, gate));
        const by = await approversOf(plan, name, spec, now);
        if (by.length < spec.need) continue;
        known.set(gateKey(wave, gate), {
          state: 'passed',
          detail: `approved by ${by.join(', ')}`,
          since: now,
          checkedAt: now,
        });
      }
    }
    return known;
  }

  async function approversOf(
    plan: Plan,
    wave: string,
    spec: Extract<Gate, { kind: 'approval' }>,
    now: number,
  ): Promise<string[]> {
    const root = await approvals.trustRoot();
    if (root === null) return [];
    const names = new Set<string>();
    for (const envelope of await approvals.of(plan.digest, `wave/${wave}`)) {
      const verified = verifyApproval(envelope, root, plan.digest, now, `wave/${wave}`);
      if (!verified.ok) continue;
      const { approval, approvers } = verified.value;
      if (spec.expiresMs !== null && now >= approval.approvedAt + spec.expiresMs) continue;
      for (const { name } of approvers) {
        if (spec.from.length > 0 && !spec.from.includes(name)) continue;
        if (!(spec.notAuthor && name === plan.header.author)) names.add(name);
      }
    }
    return [...names];
  }

  async function ask(
    run: string,
    plan: Plan,
    { wave, gate, spec }: DueGate,
    before: GateState | undefined,
  ): Promise<void> {
    if (spec.kind !== 'http' && spec.kind !== 'metric') return;
    const key = `${run}:${gateKey(wave, gate)}`;
    if (asking.has(key)) return;
    asking.add(key);
    try {
      const judged = judgeAnswer(spec, await probe(spec));
      const checkedAt = clock.now();
      const name = plan.header.waves[wave]?.name ?? '';
      await store.set(run, name, gate, { ...judged, since: before?.since ?? checkedAt, checkedAt }, null);
    } finally {
      asking.delete(key);
      wake();
    }
  }

  return {
    states,
    /** Asks in the background; one gate never twice at once. */
    look(run: string, plan: Plan, due: readonly DueGate[], states: ReadonlyMap<string, GateState>): Promise<void>[] {
      return due.map(gate => ask(run, plan, gate, states.get(gateKey(gate.wave, gate.gate))));
    },
    forget: (run: string) => store.forget(run),

    /** Takes in what somebody signed for a wave. */
    async approve(
      plan: Plan,
      { run, wave, envelope, by }: { run: string; wave: string; envelope: Envelope; by: string },
    ): Promise<Result<{ approvers: string[] }, OrchestratorError>> {
      const spec = plan.header.waves.find(({ name }) => name === wave)?.gates.find(({ kind }) => kind === 'approval');
      if (spec?.kind !== 'approval') return fail('unknown-gate', `wave ${wave} has no gate that waits for approvals`);
      const root = await approvals.trustRoot();
      if (root === null) return fail('no-trust-root', 'the controller has no trust root: set one first');
      const now = clock.now();
      const gate = `wave/${wave}`;
      const verified = verifyApproval(envelope, root, plan.digest, now, gate);
      if (!verified.ok) return fail('not-signed', `the approval does not count: ${verified.error}`);
      const approvers = verified.value.approvers.map(({ name }) => name);
      const text = encodeEnvelope(envelope).toString('utf8');
      await store.addApproval({ run, plan: plan.digest, gate, approvers, envelope: text, at: now, by });
      wake();
      return ok({ approvers: await approversOf(plan, wave, spec, now) });
    },

    /** Somebody outside says go, or no-go. */
    async signal(
      plan: Plan,
      request: { run: string; wave: string; gate: string; go: boolean; by: string; reason: string },
    ): Promise<Result<null, OrchestratorError>> {
      const { run, wave, by, go, reason } = request;
      const gates = plan.header.waves.find(({ name }) => name === wave)?.gates ?? [];
      const number = gates.findIndex(({ name, kind }) => name === request.gate && kind === 'signal');
      if (number < 0) return fail('unknown-gate', `wave ${wave} has no gate ${request.gate} that waits for a signal`);
      const now = clock.now();
      const detail = `${go ? 'go' : 'no-go'} by ${by}${reason ? `: ${reason}` : ''}`;
      const state = { state: go ? ('passed' as const) : ('failed' as const), detail, since: now, checkedAt: now };
      await store.set(run, wave, number, state, { name: by, what: `gate ${request.gate} of wave ${wave}: ${detail}` });
      wake();
      return ok(null);
    },
  };
}

const fail = (code: OrchestratorError['code'], message: string) => err({ code, message });
